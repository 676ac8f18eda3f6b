//! [`representatives`]: a few of many, for what would cost too much on all.

/// The golden ratio: its multiples are in step with nothing.
const GOLDEN: f64 = 1.618_033_988_749_895;

/// Indices of at most `most` of `count`, increasing: all of few; of many one somewhere in each of as many equal parts. Each would be of
/// the same family where runs of several families take turns, were it always the first of its part.
pub(crate) fn representatives(count: usize, most: usize) -> impl Iterator<Item = usize> + Clone {
    let taken = count.min(most);
    let begins = move |part: usize| part * count / taken.max(1);
    (0..taken).map(move |part| {
        let (begin, end) = (begins(part), begins(part + 1));
        begin + ((part as f64 * GOLDEN).fract() * (end - begin) as f64) as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_all_there() {
        assert_eq!(representatives(0, 5).count(), 0);
        assert!(representatives(5, 5).eq(0..5) && representatives(3, 5).eq(0..3));
    }

    #[test]
    fn of_many_all_families_are_there_whatever_their_turns() {
        for (count, most, families) in
            [(10_000, 500, 4), (1_000, 500, 2), (5_000, 160, 5), (777, 500, 3), (12_000, 500, 24)]
        {
            let found: Vec<usize> = representatives(count, most).collect();
            assert!(found.len() == most && found.windows(2).all(|pair| pair[0] < pair[1]) && found[most - 1] < count);
            let fair = most / families;
            for family in 0..families {
                let members = found.iter().filter(|&&index| index % families == family).count();
                assert!(2 * members > fair && members < 2 * fair, "{members} of {count} are of family {family}");
            }
        }
    }
}
