//! Who pays and where: customers, terminals, and which of them are in reach of each other.

use chrono::NaiveDate;

use crate::random::Random;

/// What the payments depend on.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many customers there are.
    pub customers: usize,
    /// How many terminals there are, on a square whose sides are 100 long.
    pub terminals: usize,
    /// How many days are simulated.
    pub days: u64,
    /// The first day.
    pub start: NaiveDate,
    /// How far from home a customer pays, in the unit of the square.
    pub radius: f64,
    /// Decides every random choice.
    pub seed: u64,
}

/// Customers and terminals.
#[derive(Debug)]
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) customers: Vec<Customer>,
}

/// Someone with a card.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) email: String,
    /// The mean of the amounts; their standard deviation is half of it.
    pub(crate) mean_amount: f64,
    pub(crate) payments_a_day: f64,
    /// The terminals in reach.
    pub(crate) terminals: Vec<usize>,
}

/// What is chosen at random.
pub(crate) mod choices {
    pub(crate) const CUSTOMER: u64 = 1;
    pub(crate) const TERMINAL: u64 = 2;
    pub(crate) const PAYMENTS: u64 = 3;
    pub(crate) const COMPROMISED_TERMINALS: u64 = 4;
    pub(crate) const COMPROMISED_CUSTOMERS: u64 = 5;
}

/// Domains of electronic mail that nobody owns (RFC 2606).
const DOMAINS: [&str; 8] = [
    "bluemail.example",
    "fastpost.example",
    "inbox.example",
    "letterbox.example",
    "mailhub.example",
    "northmail.example",
    "postbox.example",
    "webmail.example",
];

/// The length of the square's sides.
const SIDE: f64 = 100.0;

impl World {
    /// The customers and terminals of these settings.
    pub fn new(settings: Settings) -> Self {
        let terminals: Vec<(f64, f64)> = (0..settings.terminals)
            .map(|terminal| place(&mut Random::of(settings.seed, &[choices::TERMINAL, terminal as u64])))
            .collect();
        let customers = (0..settings.customers).map(|id| Customer::new(&settings, id, &terminals)).collect();
        World { settings, customers }
    }
}

impl Customer {
    fn new(settings: &Settings, id: usize, terminals: &[(f64, f64)]) -> Self {
        let mut random = Random::of(settings.seed, &[choices::CUSTOMER, id as u64]);
        let home = place(&mut random);
        let in_reach = |(_, terminal): &(usize, &(f64, f64))| {
            let (east, north) = (terminal.0 - home.0, terminal.1 - home.1);
            east * east + north * north < settings.radius * settings.radius
        };
        Customer {
            email: format!("customer-{id}@{}", DOMAINS[random.below(DOMAINS.len())]),
            mean_amount: random.between(5.0, 100.0),
            payments_a_day: random.between(0.0, 4.0),
            terminals: terminals.iter().enumerate().filter(in_reach).map(|(terminal, _)| terminal).collect(),
        }
    }
}

fn place(random: &mut Random) -> (f64, f64) {
    (random.between(0.0, SIDE), random.between(0.0, SIDE))
}
