//! The engine on fjall and files that are not as it left them: it answers right or says so, and never panics.

use crate::model::{self, Directory, Model, Rows};
use atoll_env::rng::Rng;
use atoll_storage::engine::{Engine, Options, Space};
use atoll_storage::{Error, Result};
use std::path::{Path, PathBuf};

fn options() -> Options {
    Options { reserve_bytes: 0, ..Options::default() }
}

/// A store with several tables and a journal of batches that are in no table, as a process leaves it that ends without
/// closing. The batches after the last flush are the model's history.
async fn store(seed: u64, rng: &mut Rng) -> (Directory, Model) {
    let directory = Directory::new("damage");
    let engine = Engine::open(&directory.env(), options()).await.unwrap();
    let mut model = Model::new();
    for phase in 0..3 {
        for _ in 0..60 {
            let (batch, apply) = model::batch(rng);
            engine.write(batch).unwrap();
            model.apply(apply);
        }
        if phase == 0 {
            let rows = model::sorted_rows(rng);
            model::ingest(&engine, &rows).unwrap();
            model.apply(|model| model.extend(rows));
        }
        if phase < 2 {
            engine.flush().await.unwrap();
            model.flushed(model.batches());
        }
        if phase == 0 && seed.is_multiple_of(2) {
            engine.compact().unwrap();
        }
    }
    drop(engine);
    // Opening cuts the preallocated rest off the journal: 64 MiB that needn't be copied each time.
    drop(Engine::open(&directory.env(), options()).await.unwrap());
    (directory, model)
}

/// Opens and reads everything in several ways.
async fn read(directory: &Directory, expected: &Rows, rng: &mut Rng) -> Result<Rows> {
    let engine = Engine::open(&directory.env(), options()).await?;
    let view = engine.view();
    let mut read = || -> Result<Rows> {
        let rows = model::all(&view)?;
        // Through the filters, too.
        for ((space, key), value) in expected {
            let found = view.get(*space, key)?;
            assert_eq!(found.as_deref(), rows.get(&(*space, key.clone())).map(Vec::as_slice), "of {value:?}");
        }
        model::compare(&view, &rows, rng)?;
        Ok(rows)
    };
    let result = read();
    if let Err(error) = &result {
        assert!(matches!(error, Error::Damage { .. }), "{error}");
        assert!(engine.failed().is_some());
        assert!(matches!(engine.write(model::batch(rng).0), Err(Error::Damage { .. })));
    }
    result
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| path.metadata().unwrap().len() > 0);
    found.sort();
    found
}

fn flip_a_bit(path: &Path, within: u64, rng: &mut Rng) {
    let mut content = std::fs::read(path).unwrap();
    let at = rng.below(within.min(content.len() as u64)) as usize;
    content[at] ^= 1 << rng.below(8);
    std::fs::write(path, content).unwrap();
}

/// Damages one file among those that `choose` picks, in many copies; how many of them were noticed.
async fn noticed(seed: u64, rounds: u64, choose: fn(&Path) -> bool, damage: fn(&Path, &mut Rng)) -> (u64, u64) {
    let mut rng = Rng::stream(seed, "damage");
    let (pristine, model) = store(seed, &mut rng).await;
    assert_eq!(read(&pristine.copy("same"), &model.rows, &mut rng).await.unwrap(), model.rows);
    let mut noticed = 0;
    for _ in 0..rounds {
        let copy = pristine.copy("damaged");
        let chosen: Vec<PathBuf> = files(copy.path()).into_iter().filter(|path| choose(path)).collect();
        let path = rng.pick(&chosen).clone();
        damage(&path, &mut rng);
        match read(&copy, &model.rows, &mut rng).await {
            Ok(rows) => assert_eq!(rows, model.rows, "seed {seed}, {} was damaged silently", path.display()),
            Err(error @ (Error::Damage { .. } | Error::Version { .. })) => drop(error),
            Err(error) => panic!("seed {seed}, {}: {error}", path.display()),
        }
        noticed += u64::from(read(&copy, &model.rows, &mut rng).await.is_err());
    }
    (noticed, rounds)
}

fn in_folder(path: &Path, name: &str) -> bool {
    path.components().any(|component| component.as_os_str() == name)
}

#[tokio::test]
async fn a_flipped_bit_in_a_table_is_never_silent() {
    let is_table = |path: &Path| in_folder(path, "1") && in_folder(path, "tables");
    let flip = |path: &Path, rng: &mut Rng| flip_a_bit(path, u64::MAX, rng);
    for seed in 0..3 {
        let (noticed, of) = noticed(seed, 30, is_table, flip).await;
        // Some bytes of a table mean nothing to a reader.
        assert!(noticed * 10 > of * 8, "seed {seed}: {noticed} of {of}");
    }
}

#[tokio::test]
async fn a_short_or_missing_table_is_never_silent() {
    let is_table = |path: &Path| in_folder(path, "1") && in_folder(path, "tables");
    let cut = |path: &Path, rng: &mut Rng| {
        let length = path.metadata().unwrap().len();
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(rng.below(length)).unwrap();
    };
    let (found, of) = noticed(10, 20, is_table, cut).await;
    assert_eq!(found, of);
    // Hardly anything is left, of any file of that kind.
    let is_any_table = |path: &Path| in_folder(path, "tables");
    let (found, of) = noticed(12, 20, is_any_table, |path, rng| {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(rng.below(48)).unwrap();
    })
    .await;
    assert_eq!(found, of);
    let (found, of) = noticed(11, 5, is_table, |path, _| std::fs::remove_file(path).unwrap()).await;
    assert_eq!(found, of);
}

#[tokio::test]
async fn damaged_lists_of_tables_and_keyspaces_are_never_silent() {
    let is_list = |path: &Path| in_folder(path, "keyspaces") && !(in_folder(path, "1") && in_folder(path, "tables"));
    let flip = |path: &Path, rng: &mut Rng| flip_a_bit(path, u64::MAX, rng);
    for seed in 20..23 {
        let (found, of) = noticed(seed, 40, is_list, flip).await;
        // Older manifests that nobody deleted yet may hold anything.
        assert!(found * 3 > of, "seed {seed}: {found} of {of}");
    }
    let (found, of) = noticed(23, 20, is_list, |path, _| std::fs::remove_file(path).unwrap()).await;
    assert!(found * 3 > of, "{found} of {of}");
    let is_version = |path: &Path| path.file_name().is_some_and(|name| name == "version");
    let (found, of) = noticed(24, 10, is_version, flip).await;
    assert_eq!(found, of);
}

/// Whatever happens to the journal, what is found is a state after some batch since the last flush.
#[tokio::test]
async fn a_damaged_journal_leaves_a_prefix() {
    for seed in 40..43 {
        let mut rng = Rng::stream(seed, "journal");
        let (pristine, model) = store(seed, &mut rng).await;
        let mut lost = 0;
        for _ in 0..40 {
            let copy = pristine.copy("journal");
            let path = files(copy.path()).into_iter().find(|path| path.extension().is_some_and(|end| end == "jnl"));
            let path = path.expect("a store that wasn't closed has a journal");
            let content = std::fs::read(&path).unwrap();
            let used = content.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
            match rng.below(3) {
                0 => flip_a_bit(&path, used, &mut rng),
                1 => std::fs::write(&path, &content[..rng.below(used) as usize]).unwrap(),
                // A page that never reached the disk while later ones did.
                _ => {
                    let mut content = content;
                    let page = rng.below(used) as usize / 512 * 512;
                    content[page..page + 512].fill(0);
                    std::fs::write(&path, content).unwrap();
                }
            }
            let mut survivor = model.clone();
            lost += survivor.survived(&read(&copy, &model.rows, &mut rng).await.unwrap());
            // And it goes on from there.
            let engine = Engine::open(&copy.env(), options()).await.unwrap();
            for _ in 0..5 {
                let (batch, apply) = model::batch(&mut rng);
                engine.write(batch).unwrap();
                survivor.apply(apply);
            }
            drop(engine);
            assert_eq!(read(&copy, &survivor.rows, &mut rng).await.unwrap(), survivor.rows);
        }
        assert!(lost > 0);
    }
}

#[tokio::test]
async fn a_first_open_that_was_cut_off_is_made_up_for() {
    for left in ["0.jnl", "version", "keyspaces"] {
        let directory = Directory::new("half");
        let state = directory.path().join("state");
        std::fs::create_dir_all(&state).unwrap();
        match left {
            "keyspaces" => std::fs::create_dir_all(state.join(left)).unwrap(),
            _ => std::fs::write(state.join(left), b"").unwrap(),
        }
        let engine = Engine::open(&directory.env(), options()).await.unwrap();
        assert!(engine.view().get(Space::Meta, b"a").unwrap().is_none());
        engine.close().await.unwrap();
    }
    // Batches without their keyspaces are no such thing.
    let directory = Directory::new("half");
    let engine = Engine::open(&directory.env(), options()).await.unwrap();
    engine.write(model::batch(&mut Rng::new(1)).0).unwrap();
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("state/keyspaces")).unwrap();
    assert!(matches!(Engine::open(&directory.env(), options()).await, Err(Error::Damage { .. })));
}
