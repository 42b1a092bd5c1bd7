//! A running count, with its rate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use pleat_jobs::resident_bytes;

use super::event::{Count, milli};

/// Time between two events, and between two lines for people.
const EVENTS: Duration = Duration::from_millis(100);
const LINES: Duration = Duration::from_secs(5);
/// The rate is the average over this time.
const WINDOW: Duration = Duration::from_secs(60);

/// A running count, and its bar.
#[derive(Debug)]
pub(super) struct Phase {
    bar: ProgressBar,
    name: &'static str,
    total: u64,
    done: u64,
    rate: Rate,
    /// The count that was told last.
    told: Option<u64>,
    events: Throttle,
    lines: Throttle,
}

impl Phase {
    /// Begins a phase of `total` steps of which `start` were done before.
    pub(super) fn new(bars: &MultiProgress, name: &'static str, total: u64, start: u64) -> Self {
        let bar = ProgressBar::new(total)
            .with_position(start)
            .with_message(name);
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {prefix}") {
            bar.set_style(style.progress_chars("=> "));
        }
        let now = Instant::now();
        Self {
            bar: bars.add(bar),
            name,
            total,
            done: start,
            rate: Rate::new(now, start),
            told: None,
            events: Throttle::new(EVENTS, now),
            lines: Throttle::new(LINES, now),
        }
    }

    /// So many steps are done, those before the start included: whether that is to be told to programs, and to people
    /// too.
    pub(super) fn set(&mut self, done: u64) -> Option<bool> {
        let now = Instant::now();
        self.bar.set_position(done);
        self.done = done;
        self.rate.add(now, done);
        self.events.due(now).then(|| self.lines.due(now))
    }

    /// How far it is, to be told now.
    pub(super) fn count(&mut self) -> Count {
        let count = self.at(Instant::now());
        self.told = Some(self.done);
        self.bar.set_prefix(count.pace());
        count
    }

    /// How far it is at its end, and whether that was not told yet.
    pub(super) fn last(&self) -> (Count, bool) {
        (self.at(Instant::now()), self.told != Some(self.done))
    }

    /// Removes the bar.
    pub(super) fn clear(self) {
        self.bar.finish_and_clear();
    }

    fn at(&self, now: Instant) -> Count {
        let rate = self.rate.per_second(now, self.done);
        let left = self.total.saturating_sub(self.done);
        Count {
            phase: self.name,
            step: self.done,
            steps: self.total,
            rate,
            remaining_seconds: remaining_seconds(left, rate).map(milli),
            rss_bytes: resident_bytes(),
        }
    }
}

/// Seconds for `left` steps; `None` while the rate is 0.
fn remaining_seconds(left: u64, rate: f64) -> Option<f64> {
    match left {
        0 => Some(0.0),
        _ => (rate > 0.0).then(|| left as f64 / rate),
    }
}

/// A moving average of the steps done in a second.
#[derive(Debug)]
struct Rate {
    /// Times and counts, oldest first: never empty, ten a second at most.
    points: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// `start` steps were done before `now`; they do not count.
    fn new(now: Instant, start: u64) -> Self {
        Self {
            points: VecDeque::from([(now, start)]),
        }
    }

    fn add(&mut self, now: Instant, done: u64) {
        let far = |point: &(Instant, u64), time| now.saturating_duration_since(point.0) >= time;
        // The first one stays at the window's edge or before it, however long a step takes.
        while self.points.get(1).is_some_and(|p| far(p, WINDOW)) {
            self.points.pop_front();
        }
        if self.points.back().is_none_or(|p| far(p, EVENTS)) {
            self.points.push_back((now, done));
        }
    }

    fn per_second(&self, now: Instant, done: u64) -> f64 {
        let Some(&(then, before)) = self.points.front() else {
            return 0.0;
        };
        let seconds = now.saturating_duration_since(then).as_secs_f64();
        match seconds > 0.0 {
            true => done.saturating_sub(before) as f64 / seconds,
            false => 0.0,
        }
    }
}

/// Lets something through once in a while.
#[derive(Debug)]
struct Throttle {
    every: Duration,
    last: Instant,
}

impl Throttle {
    fn new(every: Duration, now: Instant) -> Self {
        Self { every, last: now }
    }

    fn due(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.last) >= self.every;
        if due {
            self.last = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate after steps at these milliseconds, seen at the last of them.
    fn rate(start: u64, steps: &[(u64, u64)]) -> f64 {
        let begin = Instant::now();
        let mut rate = Rate::new(begin, start);
        let mut last = (begin, start);
        for &(millis, done) in steps {
            last = (begin + Duration::from_millis(millis), done);
            rate.add(last.0, last.1);
        }
        rate.per_second(last.0, last.1)
    }

    #[test]
    fn the_rate_is_an_average_over_a_minute() {
        assert_eq!(rate(0, &[]), 0.0);
        assert_eq!(rate(0, &[(2_000, 1)]), 0.5);
        assert_eq!(rate(0, &[(2_000, 1), (4_000, 10)]), 2.5);
        // A step a second for five minutes, then ten: what was before the last minute does not count.
        let slow = (1..=300).map(|i| (i * 1_000, i));
        let fast = (1..=60).map(|i| (300_000 + i * 1_000, 300 + 10 * i));
        let steps: Vec<_> = slow.chain(fast).collect();
        assert_eq!(rate(0, &steps[..300]), 1.0);
        assert_eq!(rate(0, &steps[..330]), 5.5);
        assert_eq!(rate(0, &steps), 10.0);
        // Steps longer than the window.
        assert_eq!(rate(0, &[(100_000, 1), (200_000, 2), (300_000, 3)]), 0.01);
    }

    #[test]
    fn steps_of_an_earlier_run_do_not_count() {
        assert_eq!(rate(500, &[]), 0.0);
        assert_eq!(rate(500, &[(4_000, 502)]), 0.5);
        assert_eq!(remaining_seconds(1_000 - 502, 0.5), Some(996.0));
    }

    #[test]
    fn many_quick_steps_are_not_all_kept() {
        let begin = Instant::now();
        let mut rate = Rate::new(begin, 0);
        for i in 1..=200_000 {
            rate.add(begin + Duration::from_millis(i), i);
        }
        assert!(rate.points.len() < 700, "{}", rate.points.len());
        let now = begin + Duration::from_millis(200_000);
        assert!((rate.per_second(now, 200_000) - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn time_left_is_unknown_before_the_first_step_and_zero_at_the_end() {
        assert_eq!(remaining_seconds(7, 0.0), None);
        assert_eq!(remaining_seconds(0, 0.0), Some(0.0));
        assert_eq!(remaining_seconds(7, 3.5), Some(2.0));
    }

    #[test]
    fn a_throttle_lets_through_once_in_its_time() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(EVENTS, begin);
        let at = |millis| begin + Duration::from_millis(millis);
        let due: Vec<bool> = [99, 100, 150, 199, 200, 500]
            .map(|millis| throttle.due(at(millis)))
            .to_vec();
        assert_eq!(due, [false, true, false, false, true, true]);
    }
}
