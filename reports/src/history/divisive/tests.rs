//! E-divisive against its definition, against a reference implementation on stored series, and under chance.

use serde::Deserialize;

use super::*;

/// A standard normal number from two of a shuffled list of quantiles: enough for noise in tests.
fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut random = SplitMix64::new(seed);
    let mut uniform: Vec<f64> = (0..count * 12).map(|i| (i as f64 + 0.5) / (count * 12) as f64).collect();
    random.shuffle(&mut uniform);
    uniform.chunks(12).map(|twelve| twelve.iter().sum::<f64>() - 6.0).collect()
}

fn at(values: &[f64]) -> Vec<usize> {
    change_points(values, &Options::default()).iter().map(|change| change.at).collect()
}

/// The statistic by its definition, and the first split where it is greatest.
fn by_definition(values: &[f64], shortest: usize) -> Split {
    let pairs = |a: &[f64]| {
        (0..a.len()).flat_map(|i| a[..i].iter().map(move |x| (x - a[i]).abs()).collect::<Vec<_>>()).sum::<f64>()
    };
    let mut best = Split { at: 0, q: f64::NEG_INFINITY };
    for at in shortest..=values.len() - shortest {
        for end in at + shortest..=values.len() {
            let (x, y) = (&values[..at], &values[at..end]);
            let (n, m) = (x.len() as f64, y.len() as f64);
            let between: f64 = x.iter().flat_map(|x| y.iter().map(move |y| (x - y).abs())).sum();
            let mean = |sum: f64, n: f64| if n < 2.0 { 0.0 } else { 2.0 * sum / (n * (n - 1.0)) };
            let q = n * m / (n + m) * (2.0 * between / (n * m) - mean(pairs(x), n) - mean(pairs(y), m));
            if q > best.q {
                best = Split { at, q };
            }
        }
    }
    best
}

#[test]
fn sums_that_grow_give_the_statistic_of_the_definition() {
    for (length, shortest) in [(2, 1), (3, 1), (4, 2), (5, 2), (9, 3), (17, 1), (40, 2), (61, 5)] {
        let values = noise(length, length as u64);
        let (fast, slow) = (Room::default().split(&values, shortest).unwrap(), by_definition(&values, shortest));
        assert_eq!(fast.at, slow.at, "{length} values");
        assert!((fast.q - slow.q).abs() < 1e-9 * slow.q.abs().max(1.0), "{fast:?} {slow:?}");
    }
    assert_eq!(Room::default().split(&[1.0, 2.0, 3.0], 2), None);
    assert_eq!(Room::default().split(&[], 1), None);
}

/// What `tests/history/divisive.py` wrote: series with what Apache Otava makes of them.
#[derive(Deserialize)]
struct Vector {
    name: String,
    values: Vec<f64>,
    /// What Otava splits, in its order; the last is what it does not count.
    splits: Vec<Reference>,
    /// The change points that were published, where some were.
    published: Option<Vec<usize>>,
}

#[derive(Deserialize)]
struct Reference {
    at: usize,
    q: f64,
    p: f64,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../tests/history/divisive.json")).unwrap()
}

#[test]
fn the_reference_implementation_splits_the_same_series_in_the_same_places() {
    let vectors = vectors();
    assert!(vectors.len() >= 8);
    for vector in vectors {
        let options = Options { shortest: 1, permutations: Some(999), ..Options::default() };
        let found = change_points(&vector.values, &options);
        let theirs: Vec<&Reference> = vector.splits.iter().take_while(|split| split.p <= options.level).collect();
        let mut their_places: Vec<usize> = theirs.iter().map(|split| split.at).collect();
        their_places.sort_unstable();
        assert_eq!(found.iter().map(|change| change.at).collect::<Vec<_>>(), their_places, "{}", vector.name);
        for split in theirs {
            let ours = found.iter().find(|change| change.at == split.at).unwrap();
            assert!((ours.q - split.q).abs() < 1e-9 * split.q, "{}: {ours:?}, theirs {}", vector.name, split.q);
        }
    }
}

#[test]
fn published_changes_are_found_where_they_were_published() {
    let published: Vec<Vector> = vectors().into_iter().filter(|vector| vector.published.is_some()).collect();
    assert!(!published.is_empty());
    for vector in published {
        assert_eq!(Some(at(&vector.values)), vector.published, "{}", vector.name);
    }
}

#[test]
fn steps_of_a_quiet_series_are_found_where_they_are() {
    let series = |levels: &[(usize, f64)]| -> Vec<f64> {
        let clean: Vec<f64> = levels.iter().flat_map(|&(count, level)| vec![level; count]).collect();
        clean.iter().zip(noise(clean.len(), 5)).map(|(level, noise)| level + 0.5 * noise).collect()
    };
    assert_eq!(at(&series(&[(20, 1000.0), (20, 1003.0)])), [20]);
    assert_eq!(at(&series(&[(30, 1000.0), (15, 1010.0), (30, 1000.0)])), [30, 45], "a bump, seen from both sides");
    assert_eq!(at(&series(&[(50, 10.0), (50, 20.0), (50, 15.0), (50, 30.0)])), [50, 100, 150]);
    assert_eq!(at(&series(&[(40, 1000.0)])), [0_usize; 0]);
    assert_eq!(at(&[0.0; 50]), [0_usize; 0], "nothing changes where nothing varies");
    assert_eq!(at(&[[7.0; 12], [8.0; 12]].concat()), [12]);
}

#[test]
fn a_stray_value_is_no_change() {
    for place in [0, 1, 20, 38, 39] {
        let mut values = noise(40, 9);
        values[place] += 50.0;
        assert_eq!(at(&values), [0_usize; 0], "at {place}");
    }
}

#[test]
fn too_few_values_show_nothing_and_their_number_is_known() {
    for length in 0..fewest(0.01) {
        let step: Vec<f64> = (0..length).map(|i| if i < length / 2 { 1.0 } else { 2.0 }).collect();
        assert_eq!(at(&step), [0_usize; 0], "{length} values");
    }
    assert_eq!((fewest(0.05), fewest(0.01), fewest(0.001)), (8, 10, 14));
    assert_eq!(at(&[[1.0; 6], [2.0; 6]].concat()), [6]);
}

#[test]
fn a_seed_is_replayable() {
    let values = noise(100, 3);
    assert_eq!(change_points(&values, &Options::default()), change_points(&values, &Options::default()));
}

/// Of 300 series without a change about 3 may show one at a level of 1 %; more than 9 would happen once in 900 times.
#[test]
fn chance_raises_as_few_alarms_as_the_level_says() {
    let alarms = (0..300).filter(|&seed| !at(&noise(30, 1000 + seed)).is_empty()).count();
    assert!(alarms <= 9, "{alarms} alarms in 300 series");
    // And it is not because it would never raise any.
    let wide = Options { level: 0.2, ..Options::default() };
    let alarms = (0..100).filter(|&seed| !change_points(&noise(30, 1000 + seed), &wide).is_empty()).count();
    assert!((8..=34).contains(&alarms), "{alarms} alarms in 100 series at a level of 20 %");
}
