//! The user's devices: the list, a code for a further one, removing one.

use peer_client::core::{
    command::{Answer, Command, Failure},
    model::DeviceView,
};
use wire::{id::DeviceId, key::DeviceKey};

use crate::support::{Desk, listed, model};

const WIDE: [f32; 2] = [1100.0, 800.0];
const CODE: &str = "natterjack-device:a-code";

fn device(number: u8) -> DeviceId {
    DeviceKey::from_seed([number; 32]).id()
}

fn short(number: u8) -> String {
    let id = device(number).peer_id().to_string();
    format!("…{}", &id[id.len() - 6..])
}

fn devices(count: u8) -> Answer {
    let view =
        |number| DeviceView { device: device(number), here: number == 1, online: number < 3 };
    Answer::Devices((1..=count).map(view).collect())
}

/// Answers a command; the window may have asked for the devices meanwhile.
#[track_caller]
fn answer(desk: &mut Desk, command: &Command, answer: Result<Answer, Failure>) {
    loop {
        let call = desk.call();
        if call.command == *command {
            call.answer.unwrap().send(answer).unwrap();
            return;
        }
        assert_eq!(call.command, Command::Devices);
    }
}

/// The list of devices, of which there are so many. The answer comes from a task, and moves what is
/// below it when it is taken in.
fn open(count: u8) -> Desk {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "hi")]));
    desk.click("Settings");
    desk.click("Devices");
    answer(&mut desk, &Command::Devices, Ok(devices(count)));
    desk.wait_for("This device");
    desk
}

/// The code for a further device, when there is one.
fn code() -> Desk {
    let mut desk = open(1);
    desk.click("Add a device");
    answer(&mut desk, &Command::AddDevice, Ok(Answer::Code(CODE.to_owned())));
    desk.wait_for("Copy code");
    desk
}

/// Lets time pass, as the window sees it.
fn pass(desk: &mut Desk, seconds: f64) {
    let time = desk.harness.ctx.input(|input| input.time);
    desk.harness.input_mut().time = Some(time + seconds);
    desk.run();
}

#[test]
fn all_devices_are_listed() {
    let mut desk = open(3);
    assert!(desk.has("This device, online"));
    assert!(desk.has(&format!("Device 2, online · id {}", short(2))));
    assert!(desk.has(&format!("Device 3, offline · id {}", short(3))));
    desk.click("Back");
    assert!(desk.has("Blocked people"));
}

#[test]
fn a_code_is_shown_as_text_and_as_a_picture_and_copied() {
    let mut desk = code();
    assert!(desk.has(CODE));
    assert!(desk.has("The code as a picture"));
    assert!(desk.has("10 minutes more"));
    desk.click("Copy code");
    assert!(desk.has("The code is on the clipboard"));
}

#[test]
fn a_code_ends_and_another_can_be_made() {
    let mut desk = code();
    pass(&mut desk, 300.0);
    assert!(desk.has("5 minutes more"));
    pass(&mut desk, 301.0);
    assert!(desk.has("This code is no longer good") && !desk.has(CODE));
    while desk.port.calls.try_recv().is_ok() {}
    desk.click("Make a new code");
    answer(&mut desk, &Command::AddDevice, Ok(Answer::Code("another".to_owned())));
    desk.wait_for("another");
}

#[test]
fn the_new_device_is_told_of_when_it_is_there() {
    let mut desk = code();
    pass(&mut desk, 4.0);
    answer(&mut desk, &Command::Devices, Ok(devices(2)));
    desk.wait_for("The new device is here");
    assert!(!desk.has(CODE));
    desk.click("Done");
    assert!(desk.has("Your devices"));
}

#[test]
fn why_there_is_no_code_is_told() {
    let mut desk = open(1);
    desk.click("Add a device");
    let text = "This device was added by a code and cannot change the account's devices";
    answer(&mut desk, &Command::AddDevice, Err(Failure::new("no_account_key", text)));
    desk.wait_for(text);
}

#[test]
fn removing_a_device_asks_first() {
    let mut desk = open(2);
    desk.click("Remove…");
    assert!(desk.has(&format!("Remove device {}?", short(2))));
    desk.click("Cancel");
    answer(&mut desk, &Command::Devices, Ok(devices(2)));
    desk.wait_for("Device 2");
    desk.click("Remove…");
    desk.click("Remove");
    let revoke = Command::Revoke { device: device(2) };
    let text = "The server says: it is busy";
    answer(&mut desk, &revoke, Err(Failure::new("busy", text)));
    desk.wait_for(text);
    desk.click("Remove");
    answer(&mut desk, &revoke, Ok(Answer::Done));
    desk.wait_for("The device is removed");
    answer(&mut desk, &Command::Devices, Ok(devices(1)));
    desk.wait_for("This device");
    assert!(!desk.has("Device 2"));
}
