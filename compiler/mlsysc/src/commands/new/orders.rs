//! Made-up orders for a new project: the same for everybody.

use std::fmt::Write;

const ORDERS: u64 = 6_000;
const CUSTOMERS: u64 = 300;
/// 2024-01-01T00:00:00Z in seconds since 1970.
const START: u64 = 1_704_067_200;
/// Five months of orders.
const SPAN: u64 = 152 * 86_400;

/// What is sold: name, usual amount, and the share that comes back.
const PRODUCTS: [(&str, f64, f64); 4] =
    [("book", 18.0, 0.03), ("lamp", 45.0, 0.10), ("shirt", 35.0, 0.25), ("shoes", 80.0, 0.40)];

/// The orders as comma-separated values with a line of names.
pub(super) fn csv(with_email: bool) -> String {
    let mut random = Random(7);
    let email = if with_email { "email," } else { "" };
    let mut text = format!("order_id,ordered_at,customer_id,{email}product,amount,returned\n");
    // Some customers send back most of what they try on.
    let habits: Vec<f64> = (0..CUSTOMERS).map(|_| if random.share() < 0.2 { 2.5 } else { 0.6 }).collect();
    for order in 0..ORDERS {
        let seconds = START + order * SPAN / ORDERS + random.below(60);
        let customer = random.below(CUSTOMERS);
        let (product, usual, share) = PRODUCTS[usize::try_from(random.below(4)).unwrap_or_default()];
        let amount = usual * (0.5 + random.share());
        let habit = habits.get(usize::try_from(customer).unwrap_or_default()).copied().unwrap_or(1.0);
        let returned = random.share() < share * habit;
        let email = if with_email { format!("customer{customer}@example.com,") } else { String::new() };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{},{},{customer},{email}{product},{amount:.2},{returned}", order + 1, instant(seconds));
    }
    text
}

/// Seconds since 1970 as RFC 3339; all orders lie in the first months of 2024.
fn instant(seconds: u64) -> String {
    const MONTHS: [u64; 6] = [31, 29, 31, 30, 31, 30];
    let (mut day, rest) = ((seconds - START) / 86_400, (seconds - START) % 86_400);
    let mut month = 1;
    for length in MONTHS {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("2024-{month:02}-{:02}T{:02}:{:02}:{:02}Z", day + 1, rest / 3600, rest / 60 % 60, rest % 60)
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a float")]
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
