//! Curves given by points, read off in between.

/// Straight lines between points of increasing abscissa; constant beyond them, NaN if there is no point.
pub(crate) fn interpolate(points: &[(f64, f64)], at: f64) -> f64 {
    let after = points.partition_point(|&(x, _)| x <= at);
    match (after.checked_sub(1).and_then(|left| points.get(left)), points.get(after)) {
        (Some(&(x, y)), Some(&(next_x, next_y))) => y + (next_y - y) * (at - x) / (next_x - x),
        (Some(&(_, y)), None) | (None, Some(&(_, y))) => y,
        (None, None) => f64::NAN,
    }
}
