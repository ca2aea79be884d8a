//! Selects the fault of each request.

use std::collections::HashMap;

use fastrand::Rng;

use crate::seed::generator;

/// Which faults occur, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The same seed gives the same faults.
    pub seed: u64,
    /// Share of requests that get a fault, from 0 to 1, inclusive.
    pub rate: f64,
    /// The possible faults, all equally likely.
    pub kinds: &'static [Kind],
    /// Most faults per target (method and path), so that retries succeed eventually.
    pub most_per_target: usize,
}

impl Faults {
    /// No faults.
    pub const NONE: Self = Self {
        seed: 0,
        rate: 0.0,
        kinds: &[],
        most_per_target: 0,
    };
}

/// A fault. If it does not apply to a request, the request passes unchanged, and the fault still
/// counts as dealt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Delays the request by 5 to 200 ms.
    Latency,
    /// Closes the connection before upstream sees the request.
    CutRequest,
    /// Upstream handles the request; the connection is then reset in the middle of the answer's
    /// body. An answer without a body is lost.
    CutAnswer,
    /// Like [`CutAnswer`](Self::CutAnswer), but the connection is closed normally, so that only the
    /// announced length shows the loss.
    Truncate,
    /// Upstream handles the request; the connection is closed without an answer.
    LostAnswer,
    /// Answers this error status; upstream does not see the request. 409 applies to conditional
    /// writes only.
    Status(u16),
    /// Never answers, on a connection that stays open. Upstream may handle the request or not.
    Silence,
    /// Removes `Range`, so that the whole object is answered with status 200. A request whose
    /// signature covers the header passes unchanged.
    IgnoreRange,
    /// At least one entry of a PutEvents request fails; upstream sees the others.
    FailEntries,
}

/// A fault that a request got.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dealt {
    /// Method and path.
    pub target: String,
    /// Index of the request among those for this target, from 0.
    pub nth: usize,
    /// The kind of fault.
    pub kind: Kind,
}

/// A fault, with the random numbers for its size.
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) dice: Rng,
}

/// Selects faults. Each target has its own random numbers, and each request draws once. So neither
/// other targets nor the size of a fault change what follows.
pub(super) struct Dealer {
    faults: Faults,
    targets: HashMap<String, Target>,
    ordered: Vec<Ordered>,
    dealt: Vec<Dealt>,
}

/// A fault that a test ordered for the next requests of a kind.
struct Ordered {
    /// Prefix of the request kind.
    of: String,
    kind: Kind,
    times: usize,
}

struct Target {
    dice: Rng,
    requests: usize,
    faults: usize,
}

impl Dealer {
    pub(super) fn new(faults: Faults) -> Self {
        Self {
            faults,
            targets: HashMap::new(),
            ordered: Vec::new(),
            dealt: Vec::new(),
        }
    }

    /// The next `times` requests whose kind starts with `of` get `kind`.
    pub(super) fn order(&mut self, of: &str, kind: Kind, times: usize) {
        let of = of.to_owned();
        self.ordered.push(Ordered { of, kind, times });
    }

    /// Selects the fault of the next request for `target`.
    pub(super) fn deal_to(&mut self, target: &str, request_kind: &str) -> Option<Fault> {
        let mut ordered = self.ordered.iter_mut();
        let Some(order) =
            ordered.find(|order| order.times > 0 && request_kind.starts_with(&order.of))
        else {
            return self.deal(target);
        };
        order.times -= 1;
        let kind = order.kind;
        self.dealt.push(Dealt {
            target: target.into(),
            nth: self.targets.get(target).map_or(0, |target| target.requests),
            kind,
        });
        let dice = generator(self.faults.seed, target);
        Some(Fault { kind, dice })
    }

    fn deal(&mut self, target: &str) -> Option<Fault> {
        let Faults { seed, rate, .. } = self.faults;
        let state = self.targets.entry(target.into()).or_insert_with(|| Target {
            dice: generator(seed, target),
            requests: 0,
            faults: 0,
        });
        let mut dice = state.dice.fork();
        let nth = state.requests;
        state.requests += 1;
        if state.faults == self.faults.most_per_target || dice.f64() >= rate {
            return None;
        }
        let kind = dice.choice(self.faults.kinds).copied()?;
        state.faults += 1;
        self.dealt.push(Dealt {
            target: target.into(),
            nth,
            kind,
        });
        Some(Fault { kind, dice })
    }

    /// All faults so far, in the order of the requests.
    pub(super) fn dealt(&self) -> &[Dealt] {
        &self.dealt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: Faults = Faults {
        seed: 7,
        rate: 0.3,
        kinds: &[Kind::Latency, Kind::CutRequest, Kind::Status(503)],
        most_per_target: 3,
    };

    fn dealt(faults: Faults, targets: impl IntoIterator<Item = &'static str>) -> Vec<Dealt> {
        let mut dealer = Dealer::new(faults);
        targets.into_iter().for_each(|target| {
            dealer.deal(target);
        });
        let mut dealt = dealer.dealt().to_vec();
        dealt.sort();
        dealt
    }

    #[test]
    fn a_seed_deals_the_same_in_whatever_order_the_targets_come() {
        let after_each_other = ["GET /a"; 20].into_iter().chain(["GET /b"; 20]);
        let by_turns = ["GET /b", "GET /a"].into_iter().cycle().take(40);
        let one = dealt(FAULTS, after_each_other);
        assert!(one.iter().any(|dealt| dealt.target == "GET /a"));
        assert!(one.iter().any(|dealt| dealt.target == "GET /b"));
        assert_eq!(one, dealt(FAULTS, by_turns.clone()));
        assert_ne!(one, dealt(Faults { seed: 8, ..FAULTS }, by_turns));
    }

    #[test]
    fn a_target_gets_no_more_than_its_share() {
        let always = Faults {
            rate: 1.0,
            ..FAULTS
        };
        let places: Vec<usize> = dealt(always, ["GET /a"; 10])
            .iter()
            .map(|d| d.nth)
            .collect();
        assert_eq!(places, [0, 1, 2]);
    }

    #[test]
    fn nothing_is_dealt_at_rate_0_or_where_there_is_no_kind() {
        for faults in [
            Faults {
                rate: 0.0,
                ..FAULTS
            },
            Faults {
                kinds: &[],
                ..FAULTS
            },
        ] {
            assert_eq!(dealt(faults, ["GET /a"; 50]), []);
        }
    }
}
