//! Every flipped bit and every cut of a small log: found to be damaged, or it didn't matter.

use std::path::Path;

use atoll_env::{
    NodeId,
    sim::{self},
};

use super::*;
use crate::{
    Error, Result,
    wal::{
        format::{LogId, segment_path},
        group::Durable,
        recover::{Recovered, Replay},
        watermark::{self, Slots},
    },
};

/// The bytes of a log with several segments and groups.
struct Files {
    segments: Vec<Vec<u8>>,
    slots: Slots,
    /// As if the power had been cut and no note had reached the disk since the start.
    slots_lagging: Slots,
}

impl Files {
    fn replay(&self, slots: &Slots) -> Result<Recovered> {
        let mut replay = Replay::new(Path::new("log"), *slots);
        for (n, bytes) in self.segments.iter().enumerate() {
            replay.segment(n as u64 + 1, bytes)?;
        }
        replay.finish()
    }
}

fn make() -> Files {
    sim::run(3, sim::Options::default(), async |world| {
        let env = world.boot(NodeId(1));
        let wal = Wal::open(&env, options()).await.unwrap();
        let mut rng = world.rng("payload");
        let (a, b) = (wal.group(GroupId(1)), wal.group(GroupId(2)));
        for index in 1..14 {
            append(&a, vec![(index, payload(&mut rng, 150))]).await.unwrap();
            b.save_vote(payload(&mut rng, 20)).await.unwrap();
        }
        b.purge(5, Bytes::from_static(b"five")).await.unwrap();
        append(&b, (6..9).map(|index| (index, payload(&mut rng, 10))).collect()).await.unwrap();
        a.truncate_after(Some(12)).await.unwrap();
        // Everything that was confirmed is noted in the watermark, but not that the end is clean.
        let segments = wal.status().segments;
        assert!(segments >= 2, "{segments}");
        let mut files = Vec::new();
        for number in 1..=segments {
            files.push(env.disk.read(&segment_path(Path::new("log"), number)).await.unwrap());
        }
        let path = Path::new("log/synced");
        let slots = Slots::decode(&env.disk.read(path).await.unwrap(), path).unwrap();
        let slots_lagging = Slots::decode(&watermark::initial(slots.newest.log), path).unwrap();
        Files { segments: files, slots, slots_lagging }
    })
}

type Groups = BTreeMap<GroupId, Durable>;

#[test]
fn every_flipped_bit_of_an_acknowledged_log_is_found() {
    let mut files = make();
    let whole = files.replay(&files.slots).unwrap();
    let ends = frame_ends(&files);
    let mut harmless = 0;
    for (segment, ends) in ends.iter().enumerate() {
        for bit in 0..files.segments[segment].len() * 8 {
            files.segments[segment][bit / 8] ^= 1 << (bit % 8);
            match files.replay(&files.slots) {
                Err(Error::Damage { .. }) => (),
                Ok(recovered) => {
                    assert!(bit / 8 >= *ends.last().unwrap(), "segment {segment}, bit {bit}");
                    assert_eq!(recovered.groups, whole.groups);
                    harmless += 1;
                }
                Err(other) => panic!("segment {segment}, bit {bit}: {other}"),
            }
            files.segments[segment][bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(harmless > 0);
}

#[test]
fn without_the_watermark_only_the_last_frame_can_pass_for_torn() {
    let mut files = make();
    let ends = frame_ends(&files);
    let last = files.segments.len() - 1;
    let &[.., last_frame, end] = &ends[last][..] else { panic!("too few frames") };
    let whole = files.replay(&files.slots_lagging).unwrap();
    for segment in 0..files.segments.len() {
        for bit in 0..files.segments[segment].len() * 8 {
            files.segments[segment][bit / 8] ^= 1 << (bit % 8);
            let in_last_frame = segment == last && (last_frame..end).contains(&(bit / 8));
            match files.replay(&files.slots_lagging) {
                Err(Error::Damage { .. }) => assert!(!in_last_frame),
                Ok(recovered) if in_last_frame => {
                    assert_eq!(recovered.sequence, whole.sequence - 1);
                    let tail = recovered.tail.unwrap();
                    assert_eq!(tail.end, last_frame as u64);
                    assert!(tail.torn.is_some_and(|torn| torn.end <= end as u64));
                }
                Ok(recovered) => assert_eq!(recovered.groups, whole.groups, "segment {segment}, bit {bit}"),
                Err(other) => panic!("segment {segment}, bit {bit}: {other}"),
            }
            files.segments[segment][bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn every_cut_is_found_or_leaves_whole_frames() {
    let mut files = make();
    let ends = frame_ends(&files);
    let whole = files.replay(&files.slots).unwrap();
    let last = files.segments.len() - 1;
    for segment in 0..files.segments.len() {
        let bytes = files.segments[segment].clone();
        for cut in 0..bytes.len() {
            files.segments[segment].truncate(cut);
            let in_frames = cut < *ends[segment].last().unwrap();
            let result = files.replay(&files.slots);
            assert_eq!(matches!(result, Err(Error::Damage { .. })), in_frames, "segment {segment}, cut {cut}");
            let result = files.replay(&files.slots_lagging);
            if segment < last || cut < 512 {
                assert_eq!(result.is_err(), in_frames, "segment {segment}, cut {cut}");
            } else {
                let frames = ends[last].iter().skip(1).filter(|end| **end <= cut).count();
                let missing = ends[last].len() - 1 - frames;
                assert_eq!(result.unwrap().sequence, whole.sequence - missing as u64);
            }
            files.segments[segment] = bytes.clone();
        }
    }
}

#[test]
fn segments_and_frames_have_no_substitutes() {
    let damage = |files: &Files| match files.replay(&files.slots) {
        Err(Error::Damage { file, what, .. }) => format!("{file}: {what}"),
        other => panic!("{other:?}"),
    };
    // The newest segment is gone.
    let mut files = make();
    files.segments.pop();
    assert!(damage(&files).contains("had been acknowledged"));
    // Another log's segment.
    let mut files = make();
    files.slots.newest.log = LogId(1);
    assert!(damage(&files).contains("another log"));
    // A frame in a place where another was.
    let mut files = make();
    let ends = frame_ends(&files);
    let (first, second) = (ends[0][1], ends[0][2]);
    let frame = files.segments[0][ends[0][0]..first].to_vec();
    files.segments[0][first..first + frame.len()].copy_from_slice(&frame);
    assert!(second > first && damage(&files).starts_with("log/00000001.wal"));
    // Both the end of one segment and the whole next one.
    let mut files = make();
    let (cut, len) = (ends[0][1], files.segments[0].len());
    files.segments[0][cut..].fill(0);
    files.segments[0].resize(len, 0);
    assert!(damage(&files).contains("missing"));
    // A segment in the middle, and the oldest.
    let files = make();
    let mut replay = Replay::new(Path::new("log"), files.slots);
    replay.segment(2, &files.segments[1]).unwrap();
    assert!(replay.finish().unwrap_err().to_string().contains("segments before"));
    let mut replay = Replay::new(Path::new("log"), files.slots);
    replay.segment(1, &files.segments[0]).unwrap();
    assert!(replay.segment(3, &files.segments[1]).unwrap_err().to_string().contains("00000002.wal"));
}

#[test]
fn random_bytes_are_refused_without_a_panic() {
    let files = make();
    let whole: Groups = files.replay(&files.slots).unwrap().groups;
    let mut rng = Rng::new(9);
    for _ in 0..3000 {
        let mut broken = Files { segments: files.segments.clone(), ..files };
        let segment = rng.below(broken.segments.len() as u64) as usize;
        let bytes = &mut broken.segments[segment];
        let start = rng.below(bytes.len() as u64) as usize;
        let length = rng.below(200) as usize;
        for byte in bytes.iter_mut().skip(start).take(length) {
            *byte = rng.next_u64() as u8;
        }
        if let Ok(recovered) = broken.replay(&broken.slots) {
            assert_eq!(recovered.groups, whole);
        }
    }
}

/// Where the frames of each segment end, the header first.
fn frame_ends(files: &Files) -> Vec<Vec<usize>> {
    use crate::wal::format::{HEADER_BYTES, Place, frame_at};
    let ends = |(n, bytes): (usize, &Vec<u8>)| {
        let place = Place { log: files.slots.newest.log, segment: n as u64 + 1 };
        let mut ends = vec![HEADER_BYTES];
        while let Ok(frame) = frame_at(place, bytes, *ends.last().unwrap()) {
            ends.push(frame.end());
        }
        ends
    };
    files.segments.iter().enumerate().map(ends).collect()
}
