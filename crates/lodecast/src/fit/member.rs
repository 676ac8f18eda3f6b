//! One member of an ensemble: what it has learned so far, where it goes on from, and where it is judged.

use super::adam::Adam;
use super::split::FOLDS;

/// What a member has learned so far: everything that a checkpoint has to keep.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MemberState {
    pub(crate) parameters: Vec<f64>,
    pub(crate) adam: Adam,
    pub(crate) iteration: u64,
    /// Parameters with the best held-out loss of the first cycle so far, from which the second starts, and that loss.
    pub(crate) best: Vec<f64>,
    pub(crate) best_held_out: f64,
    /// Held-out checks since the best one.
    pub(crate) stale: u32,
    /// Where it is judged by what is held out from it, and the mean held-out loss of the members that chose this check.
    pub(crate) judged: Check,
    pub(crate) chosen_by: f64,
    /// The latest check, until [`judge`] has seen it.
    pub(crate) unjudged: Option<Check>,
    /// Smoothed training loss.
    pub(crate) loss: f64,
}

/// A member in its first cycle, and its mean loss on what is held out from it, if anything is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Check {
    pub(crate) parameters: Vec<f64>,
    pub(crate) held_out: Option<f64>,
}

impl MemberState {
    pub(crate) fn new(parameters: Vec<f64>) -> Self {
        Self {
            adam: Adam::new(parameters.len()),
            iteration: 0,
            best: parameters.clone(),
            best_held_out: f64::INFINITY,
            stale: 0,
            judged: Check { parameters: parameters.clone(), held_out: None },
            chosen_by: f64::INFINITY,
            unjudged: None,
            parameters,
            loss: f64::NAN,
        }
    }
}

/// Looks at the latest check of all members, which they made at the same iteration. Whether a member is to be judged there is for
/// those to say from whom other runs are held out: by the very losses that judge it, the best of twenty checks looks better than it is.
pub(crate) fn judge(members: &mut [MemberState]) {
    let losses: Vec<Option<f64>> = members.iter().map(|member| member.unjudged.as_ref()?.held_out).collect();
    for (index, member) in members.iter_mut().enumerate() {
        let Some(check) = member.unjudged.take() else { continue };
        let others = losses.iter().enumerate().filter(|(other, _)| other % FOLDS != index % FOLDS);
        let others: Vec<f64> = others.filter_map(|(_, loss)| *loss).collect();
        if others.is_empty() {
            // Where nobody can choose, the latest it is.
            member.judged = check;
            continue;
        }
        let finite = others.into_iter().filter(|loss| loss.is_finite());
        let (sum, count) = finite.fold((0.0, 0.0), |(sum, count), loss| (sum + loss, count + 1.0));
        // No number, and so no choice, where all of them have diverged.
        let mean = sum / count;
        if mean < member.chosen_by {
            (member.judged, member.chosen_by) = (check, mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Members whose held-out losses are the rows, after all checks; their parameters are the place of the check.
    fn after_checks(losses: &[&[Option<f64>]]) -> Vec<MemberState> {
        let mut members: Vec<MemberState> = losses.iter().map(|_| MemberState::new(vec![-1.0])).collect();
        for place in 0..losses[0].len() {
            for (member, losses) in members.iter_mut().zip(losses) {
                member.unjudged = Some(Check { parameters: vec![place as f64], held_out: losses[place] });
            }
            judge(&mut members);
        }
        members
    }

    fn places(members: &[MemberState]) -> Vec<f64> {
        members.iter().map(|member| member.judged.parameters[0]).collect()
    }

    #[test]
    fn a_member_is_judged_where_the_others_are_best() {
        let members = after_checks(&[
            &[Some(3.0), Some(1.0), Some(2.0), Some(0.5)],
            &[Some(3.0), Some(4.0), Some(1.0), Some(8.0)],
            &[Some(2.0), Some(1.5), Some(1.2), Some(f64::NAN)],
        ]);
        assert_eq!(places(&members), [2.0, 3.0, 2.0], "not where its own loss is least, but the others' mean");
        assert_eq!(members[0].judged.held_out, Some(2.0));
    }

    #[test]
    fn members_that_share_a_fold_do_not_choose_for_each_other() {
        let even: &[Option<f64>] = &[Some(1.0), Some(2.0)];
        let odd: &[Option<f64>] = &[Some(9.0), Some(0.0)];
        let members = after_checks(&[even, even, even, even, even, odd]);
        assert_eq!(places(&members), [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn members_that_have_diverged_choose_nothing() {
        let members = after_checks(&[&[Some(2.0), Some(1.0)], &[Some(3.0), Some(f64::NAN)]]);
        assert_eq!(places(&members), [0.0, 1.0]);
    }

    #[test]
    fn where_nobody_can_choose_the_latest_counts() {
        let members = after_checks(&[&[None, None, None], &[Some(1.0), Some(2.0), Some(3.0)]]);
        assert_eq!(places(&members), [0.0, 2.0]);
    }
}
