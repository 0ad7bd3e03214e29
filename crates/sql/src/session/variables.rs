//! A session's settings: SET, SHOW, RESET, and what follows from them.
//!
//! Which ones there are is data (`data/settings.tsv`: name, kind, default, unit, context, least, most, words; facts of
//! PostgreSQL's pg_settings). Those that mean nothing here are kept and shown, because clients set them; the list of what
//! has a meaning is in `docs/compat.md`. A name with a dot is anybody's own.
//!
//! INVARIANT: SET is undone with its transaction, SET LOCAL ends with it; both are undone with their savepoint.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use atoll_datum::function::{ByteaOutput, DateFormat, DateOrder, DateStyle, IntervalStyle, Settings};
use atoll_datum::time::zone::Zone;
use atoll_datum::{Error, Result, sqlstate};
use atoll_txn::Isolation;

use super::Scope;
use super::identity::Identity;
use crate::catalog::privileges::is_superuser;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Bool,
    Integer,
    Real,
    Text,
    Words,
}

/// One setting that PostgreSQL knows.
#[derive(Debug)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Kind,
    pub default: &'static str,
    pub unit: &'static str,
    pub context: &'static str,
    pub least: Option<f64>,
    pub most: Option<f64>,
    pub words: Vec<&'static str>,
}

/// By lower-case name.
static DEFINITIONS: LazyLock<BTreeMap<String, Definition>> = LazyLock::new(|| {
    include_str!("../../data/settings.tsv").lines().map(definition).map(|row| (row.name.to_lowercase(), row)).collect()
});

/// Settings whose other values would change what statements mean in ways that are not there.
const ONLY: [(&str, &str); 4] = [
    ("array_nulls", "on"),
    ("session_replication_role", "origin"),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
];

/// What is sent to a client whenever it changes.
const REPORTED: [&str; 13] = [
    "application_name",
    "client_encoding",
    "datestyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "intervalstyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "timezone",
];

fn definition(line: &'static str) -> Definition {
    let fields: Vec<&str> = line.split('\t').collect();
    let kind = match fields[1] {
        "bool" => Kind::Bool,
        "integer" => Kind::Integer,
        "real" => Kind::Real,
        "enum" => Kind::Words,
        _ => Kind::Text,
    };
    Definition {
        name: fields[0],
        kind,
        default: fields[2],
        unit: fields[3],
        context: fields[4],
        least: fields[5].parse().ok(),
        most: fields[6].parse().ok(),
        words: fields[7].split(',').filter(|word| !word.is_empty()).collect(),
    }
}

pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    DEFINITIONS.values()
}

/// 42501 if only a superuser may set it.
pub fn check_may_set(scope: &Scope, name: &str) -> Result<()> {
    let Some(definition) = find(name).filter(|definition| definition.context == "superuser") else { return Ok(()) };
    if is_superuser(&scope.catalog, scope.session.current_user) {
        return Ok(());
    }
    let message = format!("permission denied to set parameter \"{}\"", definition.name);
    Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message))
}

pub fn find(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.get(&name.to_lowercase())
}

/// Settings in the form in which the session itself uses them.
#[derive(Clone, Debug)]
pub struct Typed {
    pub zone: Zone,
    pub date_style: DateStyle,
    pub interval_style: IntervalStyle,
    pub extra_float_digits: i32,
    pub bytea_output: ByteaOutput,
    /// Milliseconds; 0 is never.
    pub statement_timeout_ms: u64,
    pub lock_timeout_ms: u64,
    pub idle_in_transaction_timeout_ms: u64,
    pub idle_session_timeout_ms: u64,
    pub work_mem_kib: u64,
    /// Names as written, `$user` among them.
    pub search_path: Vec<String>,
    pub default_isolation: Isolation,
    pub default_read_only: bool,
    pub default_deferrable: bool,
    /// Notices below this are not sent.
    pub client_min_messages: Severity,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    Debug,
    Log,
    Notice,
    Warning,
    Error,
    /// What a statement was told to tell (VERBOSE): no setting keeps it back.
    Info,
}

#[derive(Clone, Debug)]
pub struct Variables {
    /// What RESET goes back to: defaults of the database, the role and the connection.
    defaults: Arc<BTreeMap<String, String>>,
    /// SET, by lower-case name.
    set: Arc<BTreeMap<String, String>>,
    /// SET LOCAL.
    local: Arc<BTreeMap<String, String>>,
    typed: Arc<Typed>,
    modes: ShownModes,
    pub identity: Identity,
}

/// What `SHOW transaction_isolation` and the like say.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShownModes {
    pub isolation: Option<&'static str>,
    pub read_only: bool,
    pub deferrable: bool,
}

/// What a savepoint, or the begin of a transaction, goes back to.
#[derive(Clone, Debug)]
pub struct Saved {
    set: Arc<BTreeMap<String, String>>,
    local: Arc<BTreeMap<String, String>>,
    identity: Identity,
}

impl Variables {
    /// With these defaults over PostgreSQL's, each checked like a SET.
    pub fn new(defaults: impl IntoIterator<Item = (String, String)>) -> Result<Variables> {
        let mut checked = BTreeMap::new();
        for (name, value) in defaults {
            let (name, value) = check(&name, &value, Typed::initial().date_style)?;
            checked.insert(name, value);
        }
        let mut variables = Variables { defaults: Arc::new(checked), ..Variables::default() };
        variables.typed = Arc::new(variables.compute()?);
        Ok(variables)
    }

    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    /// As SHOW prints it.
    pub fn get(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        let value = self.raw(&name)?;
        Some(match DEFINITIONS.get(&name) {
            Some(definition) => shown(definition, value),
            None => value.to_owned(),
        })
    }

    fn raw(&self, name: &str) -> Option<&str> {
        let on_off = |on| Some(if on { "on" } else { "off" });
        match (name, self.modes.isolation) {
            ("session_authorization", _) => return Some(&self.identity.session().name),
            ("role", _) => return Some(self.identity.role().map_or("none", |role| &role.name)),
            ("is_superuser", _) => return on_off(self.identity.current().superuser),
            ("transaction_isolation", Some(isolation)) => return Some(isolation),
            ("transaction_read_only", Some(_)) => return on_off(self.modes.read_only),
            ("transaction_deferrable", Some(_)) => return on_off(self.modes.deferrable),
            _ => {}
        }
        let own = self.local.get(name).or_else(|| self.set.get(name)).or_else(|| self.defaults.get(name));
        own.map(String::as_str).or_else(|| DEFINITIONS.get(name).map(|definition| definition.default))
    }

    /// Every setting as SHOW ALL prints it: its name, its value.
    pub fn all(&self) -> Vec<(String, String)> {
        let known = DEFINITIONS.iter().map(|(key, definition)| (key.clone(), definition.name.to_owned()));
        let mut names: BTreeMap<String, String> = known.collect();
        for key in self.defaults.keys().chain(self.set.keys()).chain(self.local.keys()) {
            names.entry(key.clone()).or_insert_with(|| key.clone());
        }
        names.into_iter().map(|(key, name)| (name, self.get(&key).unwrap_or_default())).collect()
    }

    /// SET or SET LOCAL; `None` is DEFAULT. Returns what the client is to be told of (ParameterStatus).
    pub fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<Option<(String, String)>> {
        let key = name.to_lowercase();
        let value = match value {
            Some(value) => check(name, value, self.typed.date_style)?.1,
            None => {
                known(name)?;
                let default = self.defaults.get(&key).map(String::as_str);
                default.or_else(|| DEFINITIONS.get(&key).map(|row| row.default)).unwrap_or_default().to_owned()
            }
        };
        let before = (self.set.clone(), self.local.clone());
        if local {
            Arc::make_mut(&mut self.local).insert(key.clone(), value);
        } else {
            Arc::make_mut(&mut self.local).remove(&key);
            Arc::make_mut(&mut self.set).insert(key.clone(), value);
        }
        match self.compute() {
            Ok(typed) => self.typed = Arc::new(typed),
            Err(error) => {
                (self.set, self.local) = before;
                return Err(error);
            }
        }
        Ok(self.reported(&key))
    }

    pub fn reset_all(&mut self) -> Result<()> {
        self.set = Arc::default();
        self.local = Arc::default();
        self.typed = Arc::new(self.compute()?);
        Ok(())
    }

    fn reported(&self, key: &str) -> Option<(String, String)> {
        let definition = DEFINITIONS.get(key).filter(|_| REPORTED.contains(&key))?;
        Some((definition.name.to_owned(), self.get(key)?))
    }

    /// What a client is told when it connects.
    pub fn all_reported(&self) -> Vec<(String, String)> {
        REPORTED.iter().filter_map(|key| self.reported(key)).collect()
    }

    // ------------------------------------------------------------------------------------------------- transactions

    pub fn save(&self) -> Saved {
        Saved { set: self.set.clone(), local: self.local.clone(), identity: self.identity.clone() }
    }

    /// Returns what the client is to be told of; none if everything is as it was.
    pub fn restore(&mut self, saved: &Saved) -> Option<Vec<(String, String)>> {
        let same = Arc::ptr_eq(&self.set, &saved.set) && Arc::ptr_eq(&self.local, &saved.local);
        if same && self.identity == saved.identity {
            return None;
        }
        let before = self.all_reported();
        (self.set, self.local) = (saved.set.clone(), saved.local.clone());
        self.identity = saved.identity.clone();
        self.recompute();
        Some(self.changed_since(before))
    }

    /// The transaction has committed: SET LOCAL ends. Returns what the client is to be told of; none if there was none.
    pub fn end_local(&mut self) -> Option<Vec<(String, String)>> {
        if self.local.is_empty() && !self.identity.has_local() {
            return None;
        }
        let before = self.all_reported();
        self.local = Arc::default();
        self.identity.end_local();
        self.recompute();
        Some(self.changed_since(before))
    }

    /// Takes over what `set_config` made of a copy; returns what the client is to be told of, none if nothing was set.
    pub fn adopt(&mut self, copy: &Variables) -> Option<Vec<(String, String)>> {
        let same = Arc::ptr_eq(&self.set, &copy.set) && Arc::ptr_eq(&self.local, &copy.local);
        if same && self.identity == copy.identity {
            return None;
        }
        let before = self.all_reported();
        *self = copy.clone();
        Some(self.changed_since(before))
    }

    fn recompute(&mut self) {
        // These values were in force before.
        if let Ok(typed) = self.compute() {
            self.typed = Arc::new(typed);
        }
    }

    fn changed_since(&self, before: Vec<(String, String)>) -> Vec<(String, String)> {
        self.all_reported().into_iter().filter(|pair| !before.contains(pair)).collect()
    }

    // ------------------------------------------------------------------------------------------------------- meaning

    fn compute(&self) -> Result<Typed> {
        let text = |name: &str| self.raw(name).unwrap_or_default();
        let number = |name: &str| text(name).parse::<i64>().unwrap_or(0);
        let interval_style = match text("intervalstyle") {
            "postgres_verbose" => IntervalStyle::PostgresVerbose,
            "sql_standard" => IntervalStyle::SqlStandard,
            "iso_8601" => IntervalStyle::Iso8601,
            _ => IntervalStyle::Postgres,
        };
        let client_min_messages = match text("client_min_messages") {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            "notice" => Severity::Notice,
            "log" => Severity::Log,
            _ => Severity::Debug,
        };
        let timeout = |name| u64::try_from(number(name)).unwrap_or(0);
        Ok(Typed {
            zone: Zone::parse(text("timezone"))?,
            date_style: parse_date_style(text("datestyle"), Typed::initial().date_style)?,
            interval_style,
            extra_float_digits: number("extra_float_digits") as i32,
            bytea_output: if text("bytea_output") == "escape" { ByteaOutput::Escape } else { ByteaOutput::Hex },
            statement_timeout_ms: timeout("statement_timeout"),
            lock_timeout_ms: timeout("lock_timeout"),
            idle_in_transaction_timeout_ms: timeout("idle_in_transaction_session_timeout"),
            idle_session_timeout_ms: timeout("idle_session_timeout"),
            work_mem_kib: timeout("work_mem"),
            search_path: split_names(text("search_path"))?,
            default_isolation: isolation_named(text("default_transaction_isolation")),
            default_read_only: text("default_transaction_read_only") == "on",
            default_deferrable: text("default_transaction_deferrable") == "on",
            client_min_messages,
        })
    }

    /// What pure functions may know.
    pub fn settings(&self, transaction_micros: i64, statement_micros: i64) -> Settings {
        Settings {
            zone: self.typed.zone.clone(),
            date_style: self.typed.date_style,
            interval_style: self.typed.interval_style,
            extra_float_digits: self.typed.extra_float_digits,
            bytea_output: self.typed.bytea_output,
            transaction_micros,
            statement_micros,
        }
    }

    pub fn show_modes(&mut self, modes: ShownModes) {
        self.modes = modes;
    }
}

impl Default for Variables {
    fn default() -> Variables {
        Variables {
            identity: Identity::default(),
            defaults: Arc::default(),
            set: Arc::default(),
            local: Arc::default(),
            typed: Arc::new(Typed::initial()),
            modes: ShownModes::default(),
        }
    }
}

pub fn isolation_named(name: &str) -> Isolation {
    match name {
        "repeatable read" => Isolation::RepeatableRead,
        "read committed" | "read uncommitted" => Isolation::ReadCommitted,
        _ => Isolation::Serializable,
    }
}

impl Typed {
    fn initial() -> Typed {
        Typed {
            zone: Zone::utc(),
            date_style: DateStyle { format: DateFormat::Iso, order: DateOrder::Mdy },
            interval_style: IntervalStyle::Postgres,
            extra_float_digits: 1,
            bytea_output: ByteaOutput::Hex,
            statement_timeout_ms: 0,
            lock_timeout_ms: 0,
            idle_in_transaction_timeout_ms: 0,
            idle_session_timeout_ms: 0,
            work_mem_kib: 1 << 20,
            search_path: Vec::new(),
            default_isolation: Isolation::Serializable,
            default_read_only: false,
            default_deferrable: false,
            client_min_messages: Severity::Notice,
        }
    }
}

fn known(name: &str) -> Result<Option<&'static Definition>> {
    match DEFINITIONS.get(&name.to_lowercase()) {
        Some(definition) => Ok(Some(definition)),
        None if is_own(name) => Ok(None),
        None if name.contains('.') => {
            let detail = "Custom parameter names must be two or more simple identifiers separated by dots.";
            let message = format!("invalid configuration parameter name \"{name}\"");
            Err(Error::new(sqlstate::INVALID_NAME, message).detail(detail))
        }
        None => Err(unrecognized(name)),
    }
}

pub fn unrecognized(name: &str) -> Error {
    Error::new(sqlstate::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
}

/// `my.setting`: anybody may have such.
fn is_own(name: &str) -> bool {
    let is_simple = |part: &str| {
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        part.starts_with(is_letter) && part.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '$')
    };
    name.contains('.') && name.split('.').all(is_simple)
}

/// The name in lower case and the value as it is kept: numbers in the setting's unit, words as listed. A date style may
/// say only a part of it; the rest stays as it is.
fn check(name: &str, value: &str, date_style: DateStyle) -> Result<(String, String)> {
    let key = name.to_lowercase();
    let Some(definition) = known(name)? else { return Ok((key, value.to_owned())) };
    let name = definition.name;
    let refused = |why: String| Error::new(sqlstate::CANT_CHANGE_RUNTIME_PARAM, why);
    match definition.context {
        "internal" => return Err(refused(format!("parameter \"{name}\" cannot be changed"))),
        "postmaster" => {
            return Err(refused(format!("parameter \"{name}\" cannot be changed without restarting the server")));
        }
        "sighup" => return Err(refused(format!("parameter \"{name}\" cannot be changed now"))),
        _ => {}
    }
    let invalid = || {
        Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{name}\": \"{value}\""))
    };
    let kept = match definition.kind {
        Kind::Bool => {
            let value = parse_bool(value).ok_or_else(|| {
                Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("parameter \"{name}\" requires a Boolean value"))
            })?;
            if value { "on" } else { "off" }.to_owned()
        }
        Kind::Words => {
            let wanted = value.to_lowercase();
            let words = &definition.words;
            match words.iter().find(|word| **word == wanted) {
                Some(word) => (*word).to_owned(),
                // Enumerations that grew out of booleans still take their other spellings.
                None => match parse_bool(value) {
                    Some(value) if words.contains(&"on") && words.contains(&"off") => {
                        if value { "on" } else { "off" }.to_owned()
                    }
                    _ => return Err(invalid().hint(format!("Available values: {}.", words.join(", ")))),
                },
            }
        }
        Kind::Integer | Kind::Real => {
            let number = parse_number(value, definition.unit).ok_or_else(invalid)?;
            let number = if definition.kind == Kind::Integer { number.round_ties_even() } else { number };
            let (least, most) = (definition.least.unwrap_or(f64::MIN), definition.most.unwrap_or(f64::MAX));
            if number < least || number > most {
                let unit = if definition.unit.is_empty() { String::new() } else { format!(" {}", definition.unit) };
                let message =
                    format!("{number}{unit} is outside the valid range for parameter \"{name}\" ({least} .. {most})");
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
            }
            number.to_string()
        }
        Kind::Text => match key.as_str() {
            // Only letters and digits of an encoding's name count: clients write it in quotes, with dashes.
            "client_encoding" => {
                let letters: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
                match letters.to_lowercase().as_str() {
                    "utf8" | "unicode" => "UTF8".to_owned(),
                    "sqlascii" => "SQL_ASCII".to_owned(),
                    _ => return Err(invalid().hint("Atoll speaks UTF8.")),
                }
            }
            "datestyle" => {
                let style = parse_date_style(value, date_style)?;
                print_date_style(style)
            }
            "timezone" => {
                let zone = Zone::parse(value).map_err(|_| invalid())?;
                zone.name().to_owned()
            }
            "search_path" => {
                split_names(value)?;
                value.to_owned()
            }
            // As pg_settings says: printable ASCII, 63 bytes.
            "application_name" => {
                value.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(63).collect()
            }
            _ => value.to_owned(),
        },
    };
    if let Some((_, only)) = ONLY.iter().find(|(name, only)| *name == key && *only != kept) {
        return Err(Error::unsupported(format!("{name} other than {only}")));
    }
    Ok((key, kept))
}

/// Any unambiguous beginning of true, false, yes, no; on, off, 1, 0.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim().to_lowercase();
    let starts = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    match () {
        () if text.is_empty() => None,
        () if text == "1" || text == "on" || starts("true", 1) || starts("yes", 1) => Some(true),
        () if text == "0" || starts("off", 2) || starts("false", 1) || starts("no", 1) => Some(false),
        () => None,
    }
}

const SIZES: [(&str, f64); 5] =
    [("TB", 1099511627776.0), ("GB", 1073741824.0), ("MB", 1048576.0), ("kB", 1024.0), ("B", 1.0)];
const TIMES: [(&str, f64); 6] =
    [("min", 60_000.0), ("ms", 1.0), ("us", 0.001), ("s", 1000.0), ("h", 3_600_000.0), ("d", 86_400_000.0)];

/// A number with a unit, in the setting's own unit.
pub fn parse_number(text: &str, unit: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".+-eExX".contains(c))).unwrap_or(text.len());
    // An `e` may begin a unit only if no digits follow; none does.
    let (digits, given) = text.split_at(end);
    let number: f64 = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()? as f64,
        None => digits.parse().ok()?,
    };
    let given = given.trim();
    if given.is_empty() {
        return Some(number);
    }
    let own_size = SIZES.iter().find(|(name, _)| unit == *name).map(|(_, bytes)| *bytes);
    let own_size = own_size.or((unit == "8kB").then_some(8192.0));
    let own_time = TIMES.iter().find(|(name, _)| unit == *name).map(|(_, ms)| *ms);
    let scale = |table: &[(&str, f64)], own: f64| {
        table.iter().find(|(name, _)| given == *name).map(|(_, factor)| number * factor / own)
    };
    match (own_size, own_time) {
        (Some(own), _) => scale(&SIZES, own),
        (_, Some(own)) => scale(&TIMES, own),
        _ => None,
    }
}

/// With the largest unit that divides it; a number with a fraction with a smaller one, where that has none.
fn shown(definition: &Definition, value: &str) -> String {
    let number = match definition.kind {
        Kind::Integer | Kind::Real => value.parse::<f64>().ok().filter(|number| *number > 0.0),
        _ => None,
    };
    let Some(number) = number else { return value.to_owned() };
    let largest = |table: &[(&str, f64)], own: f64| {
        // Of what the unit below it counts, rounded: 80.1 ms are 80100 us.
        let total = (number * own * 1e6).round() / 1e6;
        let least = if number.fract() == 0.0 { own } else { 0.0 };
        let mut units: Vec<&(&str, f64)> = table.iter().filter(|(_, factor)| *factor >= least).collect();
        units.sort_by(|a, b| b.1.total_cmp(&a.1));
        let whole = |factor: f64| (total / factor * 1e6).round() % 1e6 == 0.0;
        let unit = units.into_iter().find(|(_, factor)| total >= *factor && whole(*factor));
        unit.map_or_else(|| value.to_owned(), |(name, factor)| format!("{}{name}", (total / factor).round()))
    };
    match definition.unit {
        "8kB" => largest(&SIZES, 8192.0),
        unit => match (SIZES.iter().find(|(name, _)| *name == unit), TIMES.iter().find(|(name, _)| *name == unit)) {
            (Some((_, own)), _) => largest(&SIZES, *own),
            (_, Some((_, own))) => largest(&TIMES, *own),
            _ => value.to_owned(),
        },
    }
}

/// What the words leave open is as in `style`. German dates begin with the day unless something else is said.
fn parse_date_style(text: &str, style: DateStyle) -> Result<DateStyle> {
    let refused = |detail: String| {
        let message = format!("invalid value for parameter \"DateStyle\": \"{text}\"");
        Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).detail(detail)
    };
    let (mut format, mut order, mut rest) = (None, None, style);
    for word in text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty()) {
        let (mut said_format, mut said_order) = (None, None);
        match word.as_str() {
            "iso" => said_format = Some(DateFormat::Iso),
            "sql" => said_format = Some(DateFormat::Sql),
            "german" => said_format = Some(DateFormat::German),
            word if word.starts_with("postgres") => said_format = Some(DateFormat::Postgres),
            "mdy" | "us" => said_order = Some(DateOrder::Mdy),
            word if word.starts_with("noneuro") => said_order = Some(DateOrder::Mdy),
            "ymd" => said_order = Some(DateOrder::Ymd),
            word if word == "dmy" || word.starts_with("euro") => said_order = Some(DateOrder::Dmy),
            "default" => rest = Typed::initial().date_style,
            _ => return Err(refused(format!("Unrecognized key word: \"{word}\"."))),
        }
        let conflicts = said_format.is_some_and(|said| format.is_some_and(|before| before != said))
            || said_order.is_some_and(|said| order.is_some_and(|before| before != said));
        if conflicts {
            return Err(refused("Conflicting \"datestyle\" specifications.".to_owned()));
        }
        (format, order) = (said_format.or(format), said_order.or(order));
    }
    if format == Some(DateFormat::German) && order.is_none() {
        order = Some(DateOrder::Dmy);
    }
    Ok(DateStyle { format: format.unwrap_or(rest.format), order: order.unwrap_or(rest.order) })
}

fn print_date_style(style: DateStyle) -> String {
    let format = match style.format {
        DateFormat::Iso => "ISO",
        DateFormat::Sql => "SQL",
        DateFormat::Postgres => "Postgres",
        DateFormat::German => "German",
    };
    let order = match style.order {
        DateOrder::Mdy => "MDY",
        DateOrder::Dmy => "DMY",
        DateOrder::Ymd => "YMD",
    };
    format!("{format}, {order}")
}

/// A list of identifiers as in search_path: folded to lower case unless quoted.
pub fn split_names(text: &str) -> Result<Vec<String>> {
    let invalid = || {
        let message = format!("invalid value for parameter \"search_path\": \"{text}\"");
        Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).detail("List syntax is invalid.")
    };
    let mut names = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut out = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next().ok_or_else(invalid)? {
                    (at, '"') if quoted[at + 1..].starts_with('"') => {
                        out.push('"');
                        chars.next();
                    }
                    (at, '"') => break at + 1,
                    (_, c) => out.push(c),
                }
            };
            name = out;
            rest = quoted[end..].trim_start();
        } else {
            let end = rest.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(rest.len());
            name = rest[..end].to_lowercase();
            rest = rest[end..].trim_start();
        }
        if name.is_empty() {
            // `SET search_path = ''` names nothing.
            if rest.is_empty() && names.is_empty() {
                return Ok(names);
            }
        }
        names.push(name);
        match rest.strip_prefix(',') {
            Some(after) => {
                rest = after.trim_start();
                if rest.is_empty() {
                    return Err(invalid());
                }
            }
            None if rest.is_empty() => break,
            None => return Err(invalid()),
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        Variables::new([]).unwrap()
    }

    #[test]
    fn values_are_shown_as_postgresql_shows_them() {
        let mut vars = variables();
        for (name, set, shown) in [
            ("work_mem", "65536", "64MB"),
            ("work_mem", "1GB", "1GB"),
            ("statement_timeout", "1min", "1min"),
            ("statement_timeout", "1500", "1500ms"),
            ("statement_timeout", "2000", "2s"),
            ("statement_timeout", "0", "0"),
            ("DateStyle", "german", "German, DMY"),
            ("vacuum_cost_delay", "80.1", "80100us"),
            ("datestyle", "sql, dmy", "SQL, DMY"),
            ("enable_seqscan", "f", "off"),
            ("IntervalStyle", "ISO_8601", "iso_8601"),
            ("synchronous_commit", "true", "on"),
            ("extra_float_digits", "3", "3"),
            ("random_page_cost", "1.1", "1.1"),
            ("my.own", "Thing", "Thing"),
        ] {
            vars.set(name, Some(set), false).unwrap();
            assert_eq!(vars.get(name).unwrap(), shown, "{name} = {set}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let mut vars = variables();
        for (name, value, message) in [
            ("nope", "1", "unrecognized configuration parameter \"nope\""),
            ("work_mem", "1", "1 kB is outside the valid range for parameter \"work_mem\" (64 .. 2147483647)"),
            ("work_mem", "1s", "invalid value for parameter \"work_mem\": \"1s\""),
            ("enable_sort", "maybe", "parameter \"enable_sort\" requires a Boolean value"),
            ("intervalstyle", "x", "invalid value for parameter \"IntervalStyle\": \"x\""),
            ("server_version", "16", "parameter \"server_version\" cannot be changed"),
            ("timezone", "Mars/Olympus", "invalid value for parameter \"TimeZone\": \"Mars/Olympus\""),
        ] {
            assert_eq!(vars.set(name, Some(value), false).unwrap_err().message(), message);
        }
    }

    #[test]
    fn transactions_undo_them() {
        let mut vars = variables();
        vars.set("application_name", Some("a"), false).unwrap();
        let saved = vars.save();
        vars.set("application_name", Some("b"), false).unwrap();
        vars.set("work_mem", Some("8MB"), true).unwrap();
        assert_eq!(vars.restore(&saved), Some(vec![("application_name".to_owned(), "a".to_owned())]));
        assert_eq!(vars.restore(&saved), None);
        vars.set("work_mem", Some("8MB"), true).unwrap();
        assert_eq!(vars.get("work_mem").unwrap(), "8MB");
        vars.end_local();
        assert_eq!(vars.get("work_mem").unwrap(), "1GB");
    }

    #[test]
    fn lists_of_names() {
        assert_eq!(split_names(r#""$user", public , "A""b""#).unwrap(), ["$user", "public", "A\"b"]);
        assert!(split_names("a,").is_err() && split_names("a b").is_err() && split_names("").unwrap().is_empty());
    }
}
