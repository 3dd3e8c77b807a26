//! What stays over restarts: drafts, pinned conversations, the emoji that were used last; and marks
//! of the list.

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use peer_client::core::command::{Answer, Command};

use crate::support::{Desk, conversation, listed, message, model};

const WIDE: [f32; 2] = [1100.0, 800.0];

fn desk() -> Desk {
    let conversations = vec![listed("@bob", 0, "hi"), listed("@eve", 0, "ho")];
    Desk::at_home(WIDE, model(conversations))
}

fn write(desk: &mut Desk, text: &str) {
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk.harness.get_by_label("Message").type_text(text);
    desk.run();
}

fn written(desk: &Desk) -> String {
    desk.harness.get_by_label("Message").accesskit_node().value().unwrap_or_default()
}

#[test]
fn a_draft_is_shown_in_the_list_and_there_after_a_restart() {
    let mut desk = desk();
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    write(&mut desk, "for bob, later");
    assert!(!desk.has("draft: for bob, later"));
    desk.open_again("@eve");
    assert!(desk.has("draft: for bob, later"));
    let mut desk = desk.restarted(WIDE);
    assert!(desk.has("draft: for bob, later"));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    assert_eq!(written(&desk), "for bob, later");
    desk.click("Send");
    assert!(matches!(desk.command(), Command::Send { .. }));
    let desk = desk.restarted(WIDE);
    assert!(!desk.has("draft: "));
}

#[test]
fn a_pinned_conversation_stays_at_the_top() {
    let top = |desk: &Desk, name: &str| desk.harness.get_by_label_contains(name).rect().top();
    let mut desk = desk();
    assert!(top(&desk, "@bob, ") < top(&desk, "@eve, "));
    desk.harness.get_by_label_contains("@eve, ").click_secondary();
    desk.run();
    desk.click("Pin");
    assert!(top(&desk, "@eve, pinned") < top(&desk, "@bob, "));
    let mut desk = desk.restarted(WIDE);
    assert!(top(&desk, "@eve, pinned") < top(&desk, "@bob, "));
    desk.harness.get_by_label_contains("@eve, ").click_secondary();
    desk.run();
    desk.click("Unpin");
    assert!(top(&desk, "@bob, ") < top(&desk, "@eve, "));
}

#[test]
fn groups_in_which_the_user_is_named_are_marked() {
    let mut desk = Desk::over(WIDE, model(vec![listed("#rust", 2, "hi"), listed("@bob", 1, "ho")]));
    let call = desk.call();
    let of = conversation("#rust");
    assert_eq!(call.command, Command::History { of, limit: 2, before: None });
    let messages =
        vec![message(1, "#rust", "ada", "ask @me about it"), message(2, "#rust", "ada", "hi")];
    call.answer.unwrap().send(Ok(Answer::Messages(messages))).unwrap();
    desk.wait_for("#rust, 2 unread, you are mentioned");
    desk.asks_nothing();
    desk.publish(model(vec![listed("#rust", 0, "hi")]));
    assert!(!desk.has("you are mentioned"));
}

#[test]
fn emoji_that_were_used_last_and_the_tone_of_skin_are_kept() {
    let mut desk = desk();
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    desk.click("Emoji");
    desk.click("People");
    desk.click("Medium skin tone");
    desk.harness.get_by_label("Search emoji").focus();
    desk.run();
    desk.harness.get_by_label("Search emoji").type_text("waving hand");
    desk.run();
    desk.harness.key_press(egui::Key::Enter);
    desk.run();
    assert_eq!(written(&desk), "👋🏽");
    let mut desk = desk.restarted(WIDE);
    desk.open("@eve", vec![message(2, "@eve", "eve", "ho")]);
    desk.click("Emoji");
    assert!(desk.has("Used last"));
    desk.click("waving hand: medium skin tone");
    assert_eq!(written(&desk), "👋🏽");
}
