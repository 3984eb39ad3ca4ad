//! Payments, day by day, and which of them are fraud.

use std::collections::BTreeSet;

use crate::random::Random;
use crate::world::{Customer, World, choices};

/// A payment.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Counts payments in order of time, from 0.
    pub id: i64,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub paid_at: i64,
    /// Who paid.
    pub customer: usize,
    /// Where.
    pub terminal: usize,
    /// How much, to the cent.
    pub amount: f64,
    /// Which kind of fraud it is; none for a genuine payment.
    pub fraud: Option<Kind>,
}

/// Kinds of fraud. A payment of several kinds is of the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The amount is above 220.
    Amount,
    /// The terminal is compromised: every payment there is fraud, for 28 days.
    Terminal,
    /// The customer's card is compromised: for 14 days a third of the payments have five times the amount and are fraud.
    Customer,
}

/// The payments of a world, a day at a time.
#[derive(Debug)]
pub struct Payments<'a> {
    world: &'a World,
    day: u64,
    next_id: i64,
}

/// Terminals that are compromised each day, and for how many days.
const TERMINALS: Attack = Attack { choice: choices::COMPROMISED_TERMINALS, a_day: 2, days: 28 };

/// Customers that are compromised each day, and for how many days.
const CUSTOMERS: Attack = Attack { choice: choices::COMPROMISED_CUSTOMERS, a_day: 3, days: 14 };

/// Every payment above this amount is fraud.
const LARGE: f64 = 220.0;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

impl<'a> Payments<'a> {
    /// The payments from the first day on.
    pub fn new(world: &'a World) -> Self {
        Payments { world, day: 0, next_id: 0 }
    }

    fn of_day(&self, day: u64) -> Vec<Payment> {
        let settings = &self.world.settings;
        let terminals = TERMINALS.victims(settings.seed, day, settings.terminals);
        let customers = CUSTOMERS.victims(settings.seed, day, settings.customers);
        let mut payments = Vec::new();
        for (id, customer) in self.world.customers.iter().enumerate() {
            let mut random = Random::of(settings.seed, &[choices::PAYMENTS, id as u64, day]);
            for _ in 0..random.events(customer.payments_a_day) {
                let drawn = draw(&mut random, customer);
                // Drawn whether or not it is needed, so that no attack changes the payments beside it.
                let is_third = random.below(3) == 0;
                payments.extend(drawn.map(|payment| {
                    let payment = Payment { customer: id, ..payment };
                    judge(payment, &terminals, is_third && customers.contains(&id))
                }));
            }
        }
        payments
    }
}

impl Iterator for Payments<'_> {
    type Item = Vec<Payment>;

    /// The payments of the next day, in order of time.
    fn next(&mut self) -> Option<Vec<Payment>> {
        let settings = &self.world.settings;
        if self.day >= settings.days {
            return None;
        }
        let mut payments = self.of_day(self.day);
        payments.sort_by_key(|payment| (payment.paid_at, payment.customer));
        let midnight = settings.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
        let midnight = midnight + i64::try_from(self.day).unwrap_or(i64::MAX) * DAY;
        for payment in &mut payments {
            payment.id = self.next_id;
            payment.paid_at += midnight;
            self.next_id += 1;
        }
        self.day += 1;
        Some(payments)
    }
}

/// A payment at a second of its day, around noon; none if it falls outside of the day or no terminal is in reach.
#[expect(clippy::cast_possible_truncation, reason = "seconds of a day are small")]
fn draw(random: &mut Random, customer: &Customer) -> Option<Payment> {
    let second = random.normal(43_200.0, 20_000.0);
    let amount = random.normal(customer.mean_amount, customer.mean_amount / 2.0);
    let amount = if amount < 0.0 { random.between(0.0, customer.mean_amount * 2.0) } else { amount };
    let (place, reachable) = (random.share(), customer.terminals.len());
    if reachable == 0 || !(0.0..86_400.0).contains(&second) {
        return None;
    }
    let terminal = customer.terminals[((place * reachable as f64) as usize).min(reachable - 1)];
    Some(Payment { id: 0, paid_at: second as i64 * SECOND, customer: 0, terminal, amount: cents(amount), fraud: None })
}

fn judge(payment: Payment, terminals: &BTreeSet<usize>, is_stolen: bool) -> Payment {
    let fraud = if payment.amount > LARGE {
        Some(Kind::Amount)
    } else if terminals.contains(&payment.terminal) {
        Some(Kind::Terminal)
    } else {
        is_stolen.then_some(Kind::Customer)
    };
    let amount = if is_stolen { cents(payment.amount * 5.0) } else { payment.amount };
    Payment { amount, fraud, ..payment }
}

fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

/// Every day `a_day` victims are chosen, each for so many days.
struct Attack {
    choice: u64,
    a_day: usize,
    days: u64,
}

impl Attack {
    /// The victims of a day: those chosen on it and on the days before.
    fn victims(&self, seed: u64, day: u64, count: usize) -> BTreeSet<usize> {
        let first = (day + 1).saturating_sub(self.days);
        (first..=day).flat_map(|chosen| self.chosen(seed, chosen, count)).collect()
    }

    /// Different victims, fewer than usual only where there are not enough.
    fn chosen(&self, seed: u64, day: u64, count: usize) -> BTreeSet<usize> {
        let mut random = Random::of(seed, &[self.choice, day]);
        let mut chosen = BTreeSet::new();
        while chosen.len() < self.a_day.min(count) {
            chosen.insert(random.below(count));
        }
        chosen
    }
}
