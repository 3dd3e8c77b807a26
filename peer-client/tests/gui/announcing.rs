//! What is told of new messages while the window is not looked at.

use peer_client::core::{command::Command, model::ConversationView};

use crate::support::{Desk, conversation, listed, message, model};

const WIDE: [f32; 2] = [1100.0, 800.0];

fn look_away(desk: &mut Desk) {
    desk.harness.input_mut().focused = false;
    desk.run();
}

fn told(desk: &Desk) -> Vec<(String, String)> {
    let announced = desk.announced.lock().unwrap();
    announced.iter().map(|it| (it.title.clone(), it.text.clone())).collect()
}

fn muted(mut view: ConversationView) -> ConversationView {
    view.muted = true;
    view
}

#[test]
fn new_messages_are_told_and_a_click_shows_them() {
    let mut desk =
        Desk::over(WIDE, model(vec![listed("@bob", 2, "old news"), listed("@eve", 0, "x")]));
    look_away(&mut desk);
    assert!(told(&desk).is_empty());
    desk.publish(model(vec![
        listed("@bob", 3, "the <b>frogs</b> are out"),
        listed("@eve", 0, "x"),
    ]));
    assert_eq!(told(&desk), [("bob".to_owned(), "the <b>frogs</b> are out".to_owned())]);
    // The same state once more is no news, and neither is what was read meanwhile.
    desk.publish(desk.model.clone());
    desk.publish(model(vec![listed("@bob", 0, "the <b>frogs</b> are out")]));
    assert_eq!(told(&desk).len(), 1);
    let click = desk.announced.lock().unwrap().remove(0);
    (click.open)();
    desk.run();
    assert_eq!(desk.command(), Command::Open { conversation: conversation("@bob") });
    assert!(desk.has("About @bob"));
}

#[test]
fn what_is_muted_or_looked_at_is_not_told() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "a"), listed("@eve", 0, "b")]));
    desk.open("@bob", vec![message(1, "@bob", "bob", "a")]);
    desk.publish(model(vec![listed("@bob", 1, "c"), muted(listed("@eve", 1, "d"))]));
    assert!(told(&desk).is_empty());
    // In another window, or in another conversation, the user does not see it.
    look_away(&mut desk);
    desk.publish(model(vec![listed("@bob", 2, "e"), muted(listed("@eve", 2, "f"))]));
    assert_eq!(told(&desk), [("bob".to_owned(), "e".to_owned())]);
}

#[test]
fn the_text_is_hidden_and_all_of_it_left_out_by_choice() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "a")]));
    desk.click("Settings");
    desk.click("Behaviour");
    desk.click("Name only");
    look_away(&mut desk);
    desk.publish(model(vec![listed("@bob", 1, "secret")]));
    assert_eq!(told(&desk), [("bob".to_owned(), "New message".to_owned())]);
    desk.click("None");
    desk.publish(model(vec![listed("@bob", 2, "secret")]));
    assert_eq!(told(&desk).len(), 1);
}
