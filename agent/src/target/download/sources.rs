// SPDX-License-Identifier: MIT OR Apache-2.0
//! The URLs of a file: which is tried next, and when. Pure.

use std::time::{Duration, Instant};

use crate::inventory::Url;

/// A URL of a file, and what is known of the server there.
pub(super) struct Source {
    pub(super) url: Url,
    /// The strong entity tag of the file there.
    pub(super) etag: Option<String>,
    /// Whether the entity tag can be relied on. Servers that share a name may each have their own for the same file.
    pub(super) etags: bool,
    /// Whether the rest of a file can be had.
    pub(super) ranges: bool,
    /// It was left once because it was too slow, and is not left again for that.
    pub(super) is_slow: bool,
    /// The parts of several attempts did not match once.
    pub(super) restarted: bool,
    /// The length of a response of unknown length that was shorter than the file.
    pub(super) short: Option<u64>,
    /// Whether it was tried since the last pause.
    tried: bool,
    not_before: Option<Instant>,
    /// Why it is given up.
    failure: Option<String>,
}

/// The URLs of a file; one of them is the current one.
pub(super) struct Sources {
    list: Vec<Source>,
    current: usize,
}

impl Sources {
    /// Of at least one URL.
    pub(super) fn new(urls: &[Url]) -> Self {
        let source = |url: &Url| Source {
            url: url.clone(),
            etag: None,
            etags: true,
            ranges: true,
            is_slow: false,
            restarted: false,
            short: None,
            tried: false,
            not_before: None,
            failure: None,
        };
        Self { list: urls.iter().map(source).collect(), current: 0 }
    }

    /// The current one; `None` if there is no URL.
    pub(super) fn current(&mut self) -> Option<&mut Source> {
        self.list.get_mut(self.current)
    }

    /// Whether the current one may be left because it is slow.
    pub(super) fn may_leave(&self) -> bool {
        let mut others = self.list.iter().enumerate().filter(|(index, _)| *index != self.current);
        let is_slow = self.list.get(self.current).is_none_or(|source| source.is_slow);
        !is_slow && others.any(|(_, other)| !other.is_slow && other.failure.is_none())
    }

    /// The current one has sent something, so that it is the one to go on with.
    pub(super) fn progress(&mut self) {
        self.list.iter_mut().for_each(|source| source.tried = false);
    }

    /// Goes to the next URL, and leaves the current one alone for `pause`. Returns how long to wait at least before the next
    /// attempt; `None` if it may begin at once, since there is a URL that was not tried since the last pause.
    pub(super) fn next(&mut self, now: Instant, pause: Option<Duration>) -> Option<Duration> {
        if let Some(source) = self.current() {
            source.tried = true;
            source.not_before = pause.map(|pause| now + pause);
        }
        let count = self.list.len();
        let order = (1..=count).map(|step| (self.current + step) % count);
        let order: Vec<usize> = order.filter(|index| self.list[*index].failure.is_none()).collect();
        let wait = |source: &Source| source.not_before.unwrap_or(now).saturating_duration_since(now);
        let ready = |index: &&usize| !self.list[**index].tried && wait(&self.list[**index]).is_zero();
        if let Some(next) = order.iter().find(ready) {
            self.current = *next;
            return None;
        }
        self.list.iter_mut().for_each(|source| source.tried = false);
        let next = order.into_iter().min_by_key(|index| wait(&self.list[*index]))?;
        self.current = next;
        Some(wait(&self.list[next]))
    }

    /// Gives the current URL up, and goes to the next.
    ///
    /// # Errors
    /// Every URL's failure, if there is none left.
    pub(super) fn fail(&mut self, failure: &str) -> Result<(), String> {
        if let Some(source) = self.current() {
            source.failure = Some(format!("{}: {failure}", source.url));
        }
        let count = self.list.len();
        let mut order = (1..count).map(|step| (self.current + step) % count);
        match order.find(|index| self.list[*index].failure.is_none()) {
            Some(next) => {
                self.current = next;
                Ok(())
            }
            None => {
                let failures: Vec<&str> =
                    self.list.iter().filter_map(|source| source.failure.as_deref()).collect();
                Err(failures.join("; "))
            }
        }
    }

    /// Every URL.
    pub(super) fn urls(&self) -> Vec<Url> {
        self.list.iter().map(|source| source.url.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(names: &[&str]) -> Sources {
        let urls: Vec<Url> = names.iter().map(|name| Url::new("http://h/", name).unwrap()).collect();
        Sources::new(&urls)
    }

    fn current(sources: &mut Sources) -> String {
        sources.current().unwrap().url.to_string()
    }

    #[test]
    fn the_others_are_tried_before_a_pause() {
        let now = Instant::now();
        let mut sources = sources(&["a", "b"]);
        assert_eq!((sources.next(now, None), current(&mut sources)), (None, "http://h/b".to_string()));
        assert_eq!(
            (sources.next(now, None), current(&mut sources)),
            (Some(Duration::ZERO), "http://h/a".to_string())
        );
        sources.progress();
        assert_eq!(sources.next(now, None), None);
    }

    #[test]
    fn a_server_that_asks_for_a_pause_gets_it_while_another_is_asked() {
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        let mut sources = sources(&["a", "b"]);
        assert_eq!(sources.next(now, Some(minute)), None);
        // The other one alone, as often as it takes.
        for _ in 0..3 {
            assert_eq!(sources.next(now, None), Some(Duration::ZERO));
            assert_eq!(current(&mut sources), "http://h/b");
        }
        assert_eq!(sources.next(now, Some(2 * minute)), Some(minute));
        assert_eq!(current(&mut sources), "http://h/a");
        assert_eq!(
            sources.next(now + minute, Some(minute)),
            Some(minute),
            "both are left alone for a minute more"
        );
    }

    #[test]
    fn the_last_failure_has_them_all() {
        let mut sources = sources(&["a", "b?S3CRET"]);
        assert_eq!(sources.fail("HTTP 404"), Ok(()));
        assert_eq!(sources.next(Instant::now(), None), Some(Duration::ZERO));
        assert_eq!(current(&mut sources), "http://h/b");
        assert_eq!(sources.fail("HTTP 410"), Err("http://h/a: HTTP 404; http://h/b: HTTP 410".to_string()));
    }

    #[test]
    fn a_slow_server_is_left_once_and_for_a_faster_one_only() {
        let now = Instant::now();
        let mut sources = sources(&["a", "b"]);
        for _ in 0..2 {
            assert!(sources.may_leave() || current(&mut sources) == "http://h/b");
            sources.current().unwrap().is_slow = true;
            sources.next(now, None);
        }
        assert!(!sources.may_leave());
        assert!(!self::sources(&["a"]).may_leave());
        let mut sources = self::sources(&["a", "b"]);
        sources.fail("HTTP 404").unwrap();
        assert!(!sources.may_leave());
    }
}
