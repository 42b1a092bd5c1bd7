//! A running count, with its rate.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Console;
use super::event::{Count, Event, milli};
use crate::args::ProgressKind;
use crate::resources::resident_bytes;

/// Time between two events, and between two lines for people.
const EVENTS: Duration = Duration::from_millis(100);
const LINES: Duration = Duration::from_secs(5);
/// The rate is the average over this time.
const WINDOW: Duration = Duration::from_secs(60);

/// A running count.
#[derive(Debug)]
pub(crate) struct Progress {
    console: Console,
    bar: ProgressBar,
    phase: &'static str,
    total: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    done: u64,
    rate: Rate,
    /// The count that was told last.
    told: Option<u64>,
    events: Throttle,
    lines: Throttle,
}

impl Progress {
    /// Begins a phase of `total` steps of which `start` were done before.
    pub(super) fn new(console: &Console, phase: &'static str, total: u64, start: u64) -> Self {
        let bar = ProgressBar::new(total)
            .with_position(start)
            .with_message(phase);
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {prefix}") {
            bar.set_style(style.progress_chars("=> "));
        }
        let now = Instant::now();
        let progress = Self {
            bar: console.add_bar(bar),
            console: console.clone(),
            phase,
            total,
            state: Mutex::new(State {
                done: start,
                rate: Rate::new(now, start),
                told: None,
                events: Throttle::new(EVENTS, now),
                lines: Throttle::new(LINES, now),
            }),
        };
        progress.with_state(|state| progress.tell(state, now, false));
        progress
    }

    /// So many steps are done, those before the start included.
    pub(crate) fn set(&self, done: usize) {
        self.bar.set_position(done as u64);
        self.with_state(|state| {
            let now = Instant::now();
            state.done = done as u64;
            state.rate.add(now, state.done);
            if state.events.due(now) {
                let lines = state.lines.due(now);
                self.tell(state, now, lines);
            }
        });
    }

    /// Ends the phase: the last count is told, the bar removed.
    pub(crate) fn done(self) {
        self.with_state(|state| {
            let event = self.event(state, Instant::now());
            let new = state.told != Some(state.done) && self.console.style() == ProgressKind::Json;
            self.console.tell(&event, new, true);
        });
        self.bar.finish_and_clear();
    }

    /// Tells how far it is: to programs always, to people if `lines`.
    fn tell(&self, state: &mut State, now: Instant, lines: bool) {
        let event = self.event(state, now);
        state.told = Some(state.done);
        let shown = match self.console.style() {
            ProgressKind::Json => true,
            ProgressKind::Plain => lines,
            _ => false,
        };
        if let Event::Progress(count) = &event {
            self.bar.set_prefix(count.pace());
        }
        if shown || lines {
            self.console.tell(&event, shown, lines);
        }
    }

    fn event(&self, state: &State, now: Instant) -> Event<'static> {
        let rate = state.rate.per_second(now, state.done);
        let left = self.total.saturating_sub(state.done);
        Event::Progress(Count {
            phase: self.phase,
            step: state.done,
            steps: self.total,
            rate,
            remaining_seconds: remaining_seconds(left, rate).map(milli),
            rss_bytes: resident_bytes(),
        })
    }

    fn with_state(&self, f: impl FnOnce(&mut State)) {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
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
