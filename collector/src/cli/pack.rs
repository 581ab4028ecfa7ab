//! `pack list`: the packs that the running collector uses; `pack test`: the tests inside packs, without one.

use std::io;
use std::path::{Path, PathBuf};

use tenken_assess::PackSet;
use tenken_assess::fleet::PackFile;
use tenken_assess::pack::{self, Problems};

use super::screen::Screen;
use super::table::{Cell, Table};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::{Format, Output, PackCommand};
use crate::exit::Exit;
use crate::file::{self, FileError};
use crate::locale::{Arg, Message};
use crate::visible::visible;

/// Most files of all packs in a folder.
const PACK_FILES_MAX: usize = 10_000;
/// Largest pack file.
const PACK_FILE_BYTES_MAX: u64 = 256 * 1024;

pub(super) async fn run(console: &Console, command: PackCommand) -> Result<String, Failure> {
    match command {
        PackCommand::List { output } => {
            let packs: v1::Packs =
                console.client.get("/api/v1/packs", &[]).await.map_err(|error| console.failure(error))?;
            console.shown(output, &packs, |screen| text(screen, &packs))
        }
        PackCommand::Test { folders, output } => test(console, &folders, output),
    }
}

/// Runs the cases of the packs of this program and of those in the folders; a folder takes the place of a pack
/// of its name.
fn test(console: &Console, folders: &[PathBuf], output: Output) -> Result<String, Failure> {
    let broken = |problems: Problems| (None, problems.0.iter().map(problem).collect::<Vec<_>>());
    let (set, mut failures) = match load(folders)? {
        Ok(set) => (Some(set), Vec::new()),
        Err(problems) => broken(problems),
    };
    let loaded = set.is_some();
    let results = set.as_ref().map(pack::test::run).unwrap_or_default();
    let failed = results.iter().filter(|case| !case.failures.is_empty());
    failures.extend(failed.map(|case| v1::PackFailure {
        place: format!("{}:{}: {}", case.control, case.line, case.case),
        message: case.failures.join("; "),
    }));
    let tested = v1::PackTest {
        pack_hash: set.map(|set| set.hash().to_string()).unwrap_or_default(),
        cases: results.len() as u64,
        failures,
    };
    let shown = console.shown(output, &tested, |screen| screen.n("cli-pack-passed", tested.cases) + "\n")?;
    if tested.failures.is_empty() {
        return Ok(shown);
    }
    if output.format == Format::Json {
        super::print(&shown)?;
    }
    let screen = &console.screen;
    let counts = [("total", Arg::Number(tested.cases)), ("failed", Arg::Number(tested.failures.len() as u64))];
    // Packs that cannot be read have no tests to run.
    let mut said = if loaded {
        screen.with("cli-pack-failed", &counts)
    } else {
        screen.n("cli-pack-unread", tested.failures.len() as u64)
    };
    for failure in &tested.failures {
        said += &format!("\n  {}: {}", visible(&failure.place), visible(&failure.message));
    }
    Err(Failure::new(Exit::BadInput, said).remedy(screen.t("cli-pack-failed-remedy")))
}

fn problem(of: &pack::Problem) -> v1::PackFailure {
    let place = format!("{}:{}:{}", of.file, of.line, of.column);
    v1::PackFailure { place, message: format!("{}; {}", of.problem, of.remedy) }
}

fn load(folders: &[PathBuf]) -> Result<Result<PackSet, Problems>, Failure> {
    let built_in = PackSet::built_in();
    if folders.is_empty() {
        return Ok(built_in);
    }
    let mut files: Vec<PackFile> = built_in.map(|set| set.files().to_vec()).unwrap_or_default();
    for folder in folders {
        let found = read_folder(folder)?;
        let tops: Vec<String> = found.iter().filter_map(|file| top(&file.name)).map(str::to_owned).collect();
        files.retain(|file| top(&file.name).is_none_or(|it| !tops.iter().any(|top| top == it)));
        files.extend(found);
    }
    Ok(PackSet::load(files))
}

fn top(name: &str) -> Option<&str> {
    name.split('/').next()
}

/// Every YAML file below a folder, named from the folder's own name on.
fn read_folder(folder: &Path) -> Result<Vec<PackFile>, Failure> {
    let failed = |path: &Path, error: io::Error| FileError::of(path, error).failure(Exit::BadInput);
    let folder = folder.canonicalize().map_err(|error| failed(folder, error))?;
    let above = folder.parent().unwrap_or(&folder).to_path_buf();
    let mut waiting = vec![folder];
    let mut files = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let path = entry.map_err(|error| failed(&folder, error))?.path();
            let kind = std::fs::symlink_metadata(&path).map_err(|error| failed(&path, error))?.file_type();
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|it| it == "yaml") {
                if files.len() >= PACK_FILES_MAX {
                    let said = Message::new("cli-pack-many").mention("max", PACK_FILES_MAX);
                    return Err(Failure::new(Exit::BadInput, said.mention("path", above.display())));
                }
                let name = path.strip_prefix(&above).unwrap_or(&path).to_string_lossy().into_owned();
                let text = file::read_text(&path, PACK_FILE_BYTES_MAX);
                files.push(PackFile { name, text: text.map_err(|error| error.failure(Exit::BadInput))? });
            }
        }
    }
    Ok(files)
}

pub(super) fn text(screen: &Screen, packs: &v1::Packs) -> String {
    let mut out = format!("{}: {}\n\n", screen.t("pack-hash"), packs.pack_hash);
    let mut table = Table::default()
        .left("ID")
        .left(screen.t("checklists"))
        .left(screen.t("controls"))
        .left(screen.t("cli-methods"))
        .left("SHA-256");
    for pack in &packs.packs {
        table.row(vec![
            Cell::new(&pack.id),
            Cell::long(pack.checklists.join(" ")),
            Cell::long(pack.controls.join(" ")),
            Cell::long(pack.methods.iter().chain(&pack.lifecycles).cloned().collect::<Vec<_>>().join(" ")),
            Cell::new(pack.hash.chars().take(12).collect::<String>()),
        ]);
    }
    out += &table.render(screen);
    out
}
