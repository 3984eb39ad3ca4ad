//! The catalogue: one row and one page per code. Codes are stable and never used again.
//!
//! Numbers go by phase: `E01xx` syntax, `E02xx` names, `E03xx` types, `E04xx` time and leakage, `E05xx` privacy, `E06xx`
//! serving, `E07xx` graph, `E08xx` monitors, `E09xx` data and runtime, `W…` warnings.

/// What is known about a code.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The code, such as `E0401`.
    pub code: &'static str,
    /// What the code is about, as a noun.
    pub title: &'static str,
    /// Explanation with a wrong and a right program, in Markdown.
    pub page: &'static str,
}

/// The entry of a code, in either case.
pub fn entry(code: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.code.eq_ignore_ascii_case(code))
}

/// Every code, in order.
pub const CATALOGUE: &[Entry] = &[
    Entry { code: "E0101", title: "text that is no declaration", page: include_str!("../pages/E0101.md") },
    Entry { code: "E0102", title: "text that does not fit here", page: include_str!("../pages/E0102.md") },
    Entry { code: "E0103", title: "a bracket that is never closed", page: include_str!("../pages/E0103.md") },
    Entry {
        code: "E0104",
        title: "a number, date or instant that does not exist",
        page: include_str!("../pages/E0104.md"),
    },
    Entry {
        code: "E0105",
        title: "a declaration that is too large to compile",
        page: include_str!("../pages/E0105.md"),
    },
    Entry { code: "E0201", title: "an unknown declaration", page: include_str!("../pages/E0201.md") },
    Entry { code: "E0202", title: "an unknown column", page: include_str!("../pages/E0202.md") },
    Entry { code: "E0203", title: "a name that is declared twice", page: include_str!("../pages/E0203.md") },
    Entry {
        code: "E0204",
        title: "an unknown function, learner or other library entry",
        page: include_str!("../pages/E0204.md"),
    },
    Entry { code: "E0205", title: "an unknown feature", page: include_str!("../pages/E0205.md") },
    Entry {
        code: "E0206",
        title: "an unknown module, or a name it does not declare",
        page: include_str!("../pages/E0206.md"),
    },
    Entry {
        code: "E0207",
        title: "a declaration of another kind than needed",
        page: include_str!("../pages/E0207.md"),
    },
    Entry { code: "E0208", title: "an unknown type", page: include_str!("../pages/E0208.md") },
    Entry { code: "E0209", title: "a clause that is missing", page: include_str!("../pages/E0209.md") },
    Entry { code: "E0210", title: "a clause that is written twice", page: include_str!("../pages/E0210.md") },
    Entry { code: "E0211", title: "an unknown setting or word", page: include_str!("../pages/E0211.md") },
    Entry { code: "E0212", title: "an extern outside of the library", page: include_str!("../pages/E0212.md") },
    Entry {
        code: "E0301",
        title: "an operator that does not fit its operands",
        page: include_str!("../pages/E0301.md"),
    },
    Entry { code: "E0302", title: "an argument of the wrong type", page: include_str!("../pages/E0302.md") },
    Entry { code: "E0303", title: "an argument that is missing", page: include_str!("../pages/E0303.md") },
    Entry { code: "E0304", title: "an argument that is not taken", page: include_str!("../pages/E0304.md") },
    Entry { code: "E0305", title: "a value of another type than needed", page: include_str!("../pages/E0305.md") },
    Entry {
        code: "E0306",
        title: "an entity key of another type than the column",
        page: include_str!("../pages/E0306.md"),
    },
    Entry { code: "E0307", title: "an entity key that may be missing", page: include_str!("../pages/E0307.md") },
    Entry { code: "E0308", title: "a label that cannot be learnt", page: include_str!("../pages/E0308.md") },
    Entry { code: "E0309", title: "a label that may be missing", page: include_str!("../pages/E0309.md") },
    Entry { code: "E0310", title: "an input that may be missing", page: include_str!("../pages/E0310.md") },
    Entry { code: "E0311", title: "an input that cannot be encoded", page: include_str!("../pages/E0311.md") },
    Entry {
        code: "E0312",
        title: "an aggregate in the wrong place, or a feature without one",
        page: include_str!("../pages/E0312.md"),
    },
    Entry {
        code: "E0313",
        title: "a window that is missing or has no meaning",
        page: include_str!("../pages/E0313.md"),
    },
    Entry { code: "E0314", title: "a value outside of its bounds", page: include_str!("../pages/E0314.md") },
    Entry {
        code: "E0315",
        title: "a time that is no timestamp or may be missing",
        page: include_str!("../pages/E0315.md"),
    },
    Entry {
        code: "E0316",
        title: "a parameter without a value, or with a wrong one",
        page: include_str!("../pages/E0316.md"),
    },
    Entry {
        code: "E0317",
        title: "a value that is not known when the program is compiled",
        page: include_str!("../pages/E0317.md"),
    },
    Entry { code: "E0318", title: "a list whose values do not fit together", page: include_str!("../pages/E0318.md") },
    Entry { code: "E0319", title: "a lookup without the keys of its table", page: include_str!("../pages/E0319.md") },
    Entry { code: "E0320", title: "a `now` without a moment", page: include_str!("../pages/E0320.md") },
    Entry {
        code: "E0321",
        title: "an expectation that does not fit what it is about",
        page: include_str!("../pages/E0321.md"),
    },
    Entry {
        code: "E0322",
        title: "a default for a column that may be missing",
        page: include_str!("../pages/E0322.md"),
    },
    Entry {
        code: "E0401",
        title: "features that use a value before it is known",
        page: include_str!("../pages/E0401.md"),
    },
    Entry {
        code: "E0402",
        title: "an input that is not known at the observation",
        page: include_str!("../pages/E0402.md"),
    },
    Entry {
        code: "E0403",
        title: "a value with two times at which it becomes known",
        page: include_str!("../pages/E0403.md"),
    },
    Entry { code: "E0404", title: "a time that may lie before the row's own", page: include_str!("../pages/E0404.md") },
    Entry { code: "E0405", title: "split boundaries out of order", page: include_str!("../pages/E0405.md") },
    Entry { code: "E0406", title: "a source without a time", page: include_str!("../pages/E0406.md") },
    Entry {
        code: "E0407",
        title: "a window that looks further back than its source is kept",
        page: include_str!("../pages/E0407.md"),
    },
    Entry {
        code: "E0408",
        title: "a lookup of a value that may not be known yet",
        page: include_str!("../pages/E0408.md"),
    },
    Entry {
        code: "E0409",
        title: "a static source with a clause that needs a time",
        page: include_str!("../pages/E0409.md"),
    },
    Entry { code: "E0410", title: "a step that does not divide its window", page: include_str!("../pages/E0410.md") },
    Entry {
        code: "E0411",
        title: "an observed source without the keys of its entity",
        page: include_str!("../pages/E0411.md"),
    },
    Entry {
        code: "E0412",
        title: "a choice that is made on the part that judges",
        page: include_str!("../pages/E0412.md"),
    },
    Entry { code: "E0413", title: "a look ahead that is no label", page: include_str!("../pages/E0413.md") },
    Entry { code: "E0501", title: "personal data that reaches a model", page: include_str!("../pages/E0501.md") },
    Entry { code: "E0502", title: "personal data in the log of predictions", page: include_str!("../pages/E0502.md") },
    Entry {
        code: "E0503",
        title: "personal data that leaves with a model or its results",
        page: include_str!("../pages/E0503.md"),
    },
    Entry { code: "E0504", title: "personal data in a report", page: include_str!("../pages/E0504.md") },
    Entry {
        code: "E0505",
        title: "an entity key that does not say it is personal data",
        page: include_str!("../pages/E0505.md"),
    },
    Entry {
        code: "E0506",
        title: "leave to use personal data without a reason",
        page: include_str!("../pages/E0506.md"),
    },
    Entry { code: "E0601", title: "canary steps that do not grow to 100%", page: include_str!("../pages/E0601.md") },
    Entry {
        code: "E0602",
        title: "an unknown serving metric, or one that does not fit its bound",
        page: include_str!("../pages/E0602.md"),
    },
    Entry {
        code: "E0603",
        title: "models that cannot answer the same requests",
        page: include_str!("../pages/E0603.md"),
    },
    Entry { code: "E0604", title: "a metric that does not fit the task", page: include_str!("../pages/E0604.md") },
    Entry {
        code: "E0605",
        title: "requests that wait longer than an answer may take",
        page: include_str!("../pages/E0605.md"),
    },
    Entry { code: "E0606", title: "answers that are older than allowed", page: include_str!("../pages/E0606.md") },
    Entry {
        code: "E0607",
        title: "shares of an experiment that do not make 100%",
        page: include_str!("../pages/E0607.md"),
    },
    Entry {
        code: "E0608",
        title: "clauses of a deployment that contradict each other",
        page: include_str!("../pages/E0608.md"),
    },
    Entry {
        code: "E0609",
        title: "a schedule that cannot be kept, or rows that cannot be scored",
        page: include_str!("../pages/E0609.md"),
    },
    Entry { code: "E0610", title: "a stage that does not narrow down", page: include_str!("../pages/E0610.md") },
    Entry { code: "E0611", title: "a loss that does not fit the task", page: include_str!("../pages/E0611.md") },
    Entry {
        code: "E0612",
        title: "a search over something that cannot be searched",
        page: include_str!("../pages/E0612.md"),
    },
    Entry { code: "E0701", title: "a cycle", page: include_str!("../pages/E0701.md") },
    Entry { code: "E0801", title: "an action that does not fit", page: include_str!("../pages/E0801.md") },
    Entry { code: "E0802", title: "a drift test for values of another type", page: include_str!("../pages/E0802.md") },
    Entry {
        code: "E0803",
        title: "an outcome that does not say which label it is",
        page: include_str!("../pages/E0803.md"),
    },
    Entry { code: "E0804", title: "a condition without a window", page: include_str!("../pages/E0804.md") },
    Entry { code: "E0901", title: "data that cannot be read", page: include_str!("../pages/E0901.md") },
    Entry { code: "E0902", title: "a column that is missing in the data", page: include_str!("../pages/E0902.md") },
    Entry { code: "E0903", title: "data of another type than declared", page: include_str!("../pages/E0903.md") },
    Entry { code: "E0904", title: "an expectation that does not hold", page: include_str!("../pages/E0904.md") },
    Entry { code: "E0905", title: "a missing value where one is required", page: include_str!("../pages/E0905.md") },
    Entry {
        code: "E0906",
        title: "a value that was known before its row's time",
        page: include_str!("../pages/E0906.md"),
    },
    Entry { code: "E0907", title: "a row without a usable time", page: include_str!("../pages/E0907.md") },
    Entry { code: "E0910", title: "something the runtime cannot execute yet", page: include_str!("../pages/E0910.md") },
    Entry { code: "E0911", title: "a state folder that cannot be used", page: include_str!("../pages/E0911.md") },
    Entry { code: "E0912", title: "not enough memory", page: include_str!("../pages/E0912.md") },
    Entry { code: "E0913", title: "another run at work on the same state", page: include_str!("../pages/E0913.md") },
    Entry { code: "E0914", title: "a project that cannot be read", page: include_str!("../pages/E0914.md") },
    Entry { code: "E0915", title: "a `mlsys.toml` that cannot be used", page: include_str!("../pages/E0915.md") },
    Entry { code: "E0916", title: "a profile that does not exist", page: include_str!("../pages/E0916.md") },
    Entry { code: "E0917", title: "a node that does not exist", page: include_str!("../pages/E0917.md") },
    Entry {
        code: "E0920",
        title: "a training worker that could not be started",
        page: include_str!("../pages/E0920.md"),
    },
    Entry { code: "E0921", title: "a training worker that ended too early", page: include_str!("../pages/E0921.md") },
    Entry {
        code: "E0922",
        title: "a worker that reported a failure without a code",
        page: include_str!("../pages/E0922.md"),
    },
    Entry { code: "E0923", title: "training workers that lost one of them", page: include_str!("../pages/E0923.md") },
    Entry { code: "E0930", title: "examples that cannot be read", page: include_str!("../pages/E0930.md") },
    Entry { code: "E0931", title: "examples that cannot be learnt from", page: include_str!("../pages/E0931.md") },
    Entry {
        code: "E0932",
        title: "a loss or a prediction that is not a number",
        page: include_str!("../pages/E0932.md"),
    },
    Entry { code: "E0933", title: "a model that cannot be written", page: include_str!("../pages/E0933.md") },
    Entry { code: "E0934", title: "trees that cannot be grown", page: include_str!("../pages/E0934.md") },
    Entry { code: "E0935", title: "a PyTorch module that cannot be used", page: include_str!("../pages/E0935.md") },
    Entry { code: "E0940", title: "no version to score with", page: include_str!("../pages/E0940.md") },
    Entry { code: "E0941", title: "predictions that cannot be delivered", page: include_str!("../pages/E0941.md") },
    Entry { code: "E0942", title: "a file in the way of predictions", page: include_str!("../pages/E0942.md") },
    Entry { code: "E0943", title: "a version that there is not", page: include_str!("../pages/E0943.md") },
    Entry { code: "E0944", title: "a run that cannot be done again", page: include_str!("../pages/E0944.md") },
    Entry { code: "E0945", title: "a model registry that cannot be used", page: include_str!("../pages/E0945.md") },
    Entry { code: "E0946", title: "a deployment that is not served", page: include_str!("../pages/E0946.md") },
    Entry { code: "E0947", title: "an online store that cannot be used", page: include_str!("../pages/E0947.md") },
    Entry { code: "E0948", title: "a stream that cannot be opened", page: include_str!("../pages/E0948.md") },
    Entry { code: "E0949", title: "a deployment that cannot be served", page: include_str!("../pages/E0949.md") },
    Entry { code: "E0950", title: "rows that no run has read", page: include_str!("../pages/E0950.md") },
    Entry { code: "E0999", title: "an internal error", page: include_str!("../pages/E0999.md") },
    Entry { code: "W0201", title: "a declaration that nothing uses", page: include_str!("../pages/W0201.md") },
    Entry { code: "W0202", title: "a feature that no model uses", page: include_str!("../pages/W0202.md") },
    Entry { code: "W0203", title: "two features with the same meaning", page: include_str!("../pages/W0203.md") },
    Entry {
        code: "W0401",
        title: "an order that depends on the rows' content",
        page: include_str!("../pages/W0401.md"),
    },
    Entry {
        code: "W0402",
        title: "a split by chance with features that look back",
        page: include_str!("../pages/W0402.md"),
    },
    Entry {
        code: "W0501",
        title: "leave to use personal data where there is none",
        page: include_str!("../pages/W0501.md"),
    },
    Entry { code: "W0601", title: "a model without a gate", page: include_str!("../pages/W0601.md") },
    Entry { code: "W0602", title: "a deployment without a monitor", page: include_str!("../pages/W0602.md") },
    Entry {
        code: "W0603",
        title: "a canary that lets a version break the budget",
        page: include_str!("../pages/W0603.md"),
    },
    Entry { code: "W0604", title: "a search in the wrong direction", page: include_str!("../pages/W0604.md") },
];
