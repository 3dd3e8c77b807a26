//! A screen without hardware, for the window.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use image::RgbImage;
use tempfile::TempDir;

use crate::{
    process::{Process, command},
    record::{Deadline, PATIENCE, Record},
};

/// An X server that draws into memory, with a window manager.
#[derive(Debug)]
pub struct Screen {
    // Fields are dropped in this order: who draws goes before what is drawn on.
    _manager: Process,
    _server: Process,
    home: TempDir,
    display: String,
}

impl Screen {
    /// Starts a screen. Needs the programs `Xvfb` and `openbox`.
    pub fn start() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut xvfb = command("Xvfb", home.path());
        xvfb.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
        let (server, _input, output) = Process::spawn("Xvfb", &mut xvfb);
        let number = Record::of(output, str::to_owned)
            .wait(0, Deadline::after(PATIENCE), |line| line.parse::<u32>().ok())
            .unwrap_or_else(|missed| panic!("Xvfb's number {missed}: {}", server.log_tail()));
        let display = format!(":{number}");
        let mut openbox = command("openbox", home.path());
        // A window that opens while the manager starts might never be shown.
        openbox.args(["--startup", "echo ready"]).env("DISPLAY", &display);
        let (manager, _input, output) = Process::spawn("openbox", &mut openbox);
        Record::of(output, str::to_owned)
            .wait(0, Deadline::after(PATIENCE), |line| (line == "ready").then_some(()))
            .unwrap_or_else(|missed| panic!("openbox {missed}: {}", manager.log_tail()));
        Self { _manager: manager, _server: server, home, display }
    }

    /// Lets a program draw here, without a graphics card.
    pub fn show<'command>(&self, program: &'command mut Command) -> &'command mut Command {
        program.env("DISPLAY", &self.display).env("LIBGL_ALWAYS_SOFTWARE", "1")
    }

    /// Takes a picture of the whole screen by the program `import`, and keeps it as `target/screenshots/<name>.png`.
    pub fn picture(&self, name: &str) -> RgbImage {
        let folder = target_dir().join("screenshots");
        fs::create_dir_all(&folder).expect("the target folder can be written");
        let file = folder.join(name).with_extension("png");
        let mut import = command("import", self.home.path());
        let output = self
            .show(&mut import)
            .args(["-window", "root"])
            .arg(&file)
            .output()
            .expect("ImageMagick's `import` is there");
        assert!(output.status.success(), "import: {}", String::from_utf8_lossy(&output.stderr));
        image::open(&file).expect("import writes PNG").into_rgb8()
    }
}

/// What is on a picture, told by its colours.
#[derive(Clone, Copy, Debug)]
pub struct Colours {
    /// How many different ones.
    pub different: usize,
    /// How much of the picture the most common one covers, from 0 to 1.
    pub largest_share: f64,
}

impl Colours {
    /// Counts the colours of a picture.
    pub fn of(picture: &RgbImage) -> Self {
        let mut counts = BTreeMap::<[u8; 3], u32>::new();
        for pixel in picture.pixels() {
            *counts.entry(pixel.0).or_default() += 1;
        }
        let pixels = f64::from(picture.width()) * f64::from(picture.height());
        let largest = counts.values().max().copied().unwrap_or_default();
        Self { different: counts.len(), largest_share: f64::from(largest) / pixels }
    }
}

fn target_dir() -> PathBuf {
    let tests = env::current_exe().expect("the tests have a path");
    tests.ancestors().nth(3).map(Path::to_owned).expect("target/<profile>/deps/<tests>")
}
