//! Prompts: `PROMPT1` to `PROMPT3` with psql's `%` signs.

use super::variables::Variables;
use super::wire::Transaction;

/// As it is, and with what only colours it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    pub plain: String,
    /// Empty if nothing does.
    pub styled: String,
}

/// What a prompt may tell.
pub struct Facts<'a> {
    /// None without a connection.
    pub session: Option<Session<'a>>,
    /// What an unfinished statement waits for, `=` if there is none.
    pub unfinished: char,
    pub inactive: bool,
    pub line: u64,
    pub variables: &'a Variables,
}

pub struct Session<'a> {
    pub database: &'a str,
    pub user: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub pid: i32,
    pub superuser: bool,
    pub transaction: Transaction,
}

pub fn render(template: &str, facts: &Facts) -> Prompt {
    let mut prompt = Prompt::default();
    let (mut invisible, mut has_style) = (false, false);
    let mut rest = template.chars().peekable();
    while let Some(character) = rest.next() {
        let piece = if character != '%' {
            character.to_string()
        } else {
            match rest.next() {
                None => break,
                Some('[') => {
                    (invisible, has_style) = (true, true);
                    continue;
                }
                Some(']') => {
                    invisible = false;
                    continue;
                }
                Some(':') => {
                    let name: String = rest.by_ref().take_while(|&character| character != ':').collect();
                    facts.variables.get(&name).unwrap_or("").to_owned()
                }
                Some(digit @ '0'..='7') => {
                    let mut value = digit as u32 - '0' as u32;
                    while let Some(digit) = rest.peek().and_then(|digit| digit.to_digit(8)).filter(|_| value < 32) {
                        value = value * 8 + digit;
                        rest.next();
                    }
                    char::from_u32(value).map(String::from).unwrap_or_default()
                }
                Some(letter) => fact(letter, facts),
            }
        };
        if !invisible {
            prompt.plain.push_str(&piece);
        }
        prompt.styled.push_str(&piece);
    }
    if !has_style {
        prompt.styled.clear();
    }
    prompt
}

fn fact(letter: char, facts: &Facts) -> String {
    let session = facts.session.as_ref();
    let of = |value: &dyn Fn(&Session) -> String| session.map(value).unwrap_or_default();
    match letter {
        '/' => of(&|session| session.database.to_owned()),
        '~' => of(&|session| match session.database == session.user {
            true => "~".to_owned(),
            false => session.database.to_owned(),
        }),
        'n' => of(&|session| session.user.to_owned()),
        'M' => of(&|session| session.host.to_owned()),
        'm' => of(&|session| session.host.split('.').next().unwrap_or("").to_owned()),
        '>' => of(&|session| session.port.to_string()),
        'p' => of(&|session| session.pid.to_string()),
        '#' => if session.is_some_and(|session| session.superuser) { "#" } else { ">" }.to_owned(),
        'R' => match (facts.unfinished, session) {
            ('=', _) if facts.inactive => '@',
            ('=', None) => '!',
            (unfinished, _) => unfinished,
        }
        .to_string(),
        'x' => match session.map(|session| session.transaction) {
            None => "?",
            Some(Transaction::Idle) => "",
            Some(Transaction::Open) => "*",
            Some(Transaction::Failed) => "!",
        }
        .to_owned(),
        'l' => facts.line.to_string(),
        '%' => "%".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts() {
        let mut variables = Variables::new();
        variables.set("place", "Malé").unwrap();
        let mut facts = Facts {
            session: Some(Session {
                database: "db",
                user: "me",
                host: "h.example",
                port: 5432,
                pid: 7,
                superuser: false,
                transaction: Transaction::Idle,
            }),
            unfinished: '=',
            inactive: false,
            line: 3,
            variables: &variables,
        };
        let plain = |template: &str, facts: &Facts| render(template, facts).plain;
        assert_eq!(plain("%/%R%x%# ", &facts), "db=> ");
        assert_eq!(plain("%n@%m:%> %~ %p %l %% %:place:", &facts), "me@h:5432 db 7 3 % Malé");
        facts.unfinished = '\'';
        if let Some(session) = &mut facts.session {
            (session.superuser, session.transaction) = (true, Transaction::Failed);
        }
        assert_eq!(plain("%/%R%x%# ", &facts), "db'!# ");
        (facts.session, facts.unfinished) = (None, '=');
        assert_eq!(plain("%/%R%x%# ", &facts), "!?> ");
        let styled = render("%[%033[1m%]%R%[%033[0m%] ", &facts);
        assert_eq!((&styled.plain[..], &styled.styled[..]), ("! ", "\u{1b}[1m!\u{1b}[0m "));
    }
}
