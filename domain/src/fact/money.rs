//! Money: whole minor units of an ISO 4217 currency.

use serde::Serialize;

/// The most an amount may be in minor units, either way: beyond it JSON readers lose digits.
pub const MAX_AMOUNT: i64 = 9_007_199_254_740_991;

/// A currency and how many decimals its amounts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    /// The ISO 4217 code.
    pub code: &'static str,
    /// How many decimals: an amount of 1 is 10 to the power of minus this.
    pub exponent: u8,
}

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Money {
    /// In minor units, such as cents; in yen for the yen, which has none.
    pub amount: i64,
    /// The ISO 4217 code.
    pub currency: String,
}

impl Money {
    /// How many decimals the currency has; two for a code this release does not know any more.
    pub fn exponent(&self) -> u8 {
        find(&self.currency).map_or(2, |currency| currency.exponent)
    }

    /// The amount as people write it, with the decimals of the currency: `1234.50`.
    pub fn decimal(&self) -> String {
        let exponent = usize::from(self.exponent());
        let digits = format!(
            "{:0width$}",
            self.amount.unsigned_abs(),
            width = exponent + 1
        );
        let (whole, decimals) = digits.split_at(digits.len() - exponent);
        let sign = if self.amount < 0 { "-" } else { "" };
        if decimals.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{decimals}")
        }
    }
}

/// The currency of this code. Upper and lower case are the same.
pub fn find(code: &str) -> Option<Currency> {
    let code = code.trim().to_ascii_uppercase();
    CURRENCIES.iter().find_map(|(exponent, codes)| {
        let mut codes = codes.split_ascii_whitespace();
        let code = codes.find(|known| **known == code)?;
        Some(Currency {
            code,
            exponent: *exponent,
        })
    })
}

/// The codes of ISO 4217 that stand for money, by their number of decimals. Codes that were withdrawn
/// in the last years are kept, because old orders name them; metals and test codes are not money.
const CURRENCIES: &[(u8, &str)] = &[
    (
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    ),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP
         BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR
         FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR
         KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR
         MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK
         SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN
         UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        for (amount, currency, written) in [
            (123_450, "USD", "1234.50"),
            (5, "EUR", "0.05"),
            (0, "GBP", "0.00"),
            (-1_205, "CNY", "-12.05"),
            (3_000_000_000, "JPY", "3000000000"),
            (1_234, "KWD", "1.234"),
            (1, "CLF", "0.0001"),
        ] {
            let currency = currency.to_owned();
            assert_eq!(Money { amount, currency }.decimal(), written);
        }
    }

    #[test]
    fn only_codes_of_money_are_known_and_each_is_listed_once() {
        assert_eq!(find("jpy").unwrap().exponent, 0);
        assert_eq!(find(" EUR ").unwrap().code, "EUR");
        for code in ["XXX", "XTS", "XAU", "EURO", "", "ZZZ"] {
            assert!(find(code).is_none(), "{code}");
        }
        let mut codes: Vec<&str> = CURRENCIES
            .iter()
            .flat_map(|(_, codes)| codes.split_ascii_whitespace())
            .collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert!(codes.iter().all(|code| code.len() == 3));
    }
}
