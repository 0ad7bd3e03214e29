//! Commands about the connection.

use anyhow::Result;
use postgres_protocol::password::scram_sha_256;

use super::super::arguments::Kind;
use super::super::connection::Connection;
use super::super::scanner::{identifier, literal};
use super::super::shell::{Reading, Shell};
use super::super::target::Target;
use super::super::terminal;
use super::{Outcome, mistake};

impl Shell {
    pub async fn session_command(&mut self, name: &str, reading: &mut Reading) -> Result<Outcome> {
        match name {
            "c" | "connect" => return self.reconnect(reading).await,
            "conninfo" => {
                let text = match &self.connection {
                    None => "You are currently not connected to a database.".to_owned(),
                    Some(connection) => self.whereabouts(connection),
                };
                self.say(text)?;
                if let Some((protocol, cipher)) = self.connection.as_ref().and_then(Connection::tls) {
                    self.say(format_args!(
                        "SSL connection (protocol: {protocol}, cipher: {cipher}, compression: off)"
                    ))?;
                }
            }
            "encoding" => match self.argument(reading, Kind::Normal)? {
                None => {
                    let encoding = self.connection.as_ref().and_then(|c| c.parameter("client_encoding"));
                    let encoding = encoding.unwrap_or("UTF8").to_owned();
                    self.say(encoding)?;
                }
                Some(name) if matches!(&name.to_ascii_lowercase()[..], "utf8" | "utf-8" | "unicode") => {}
                Some(name) => return mistake(format_args!("{name}: this shell reads and writes UTF-8 only")),
            },
            _ => return self.change_password(reading).await,
        }
        Ok(Outcome::Nothing)
    }

    fn whereabouts(&self, connection: &Connection) -> String {
        let (host, address) = (connection.host(), connection.address());
        let mut place = format!("on host \"{host}\"");
        if address.ip().to_string() != host {
            place.push_str(&format!(" (address \"{}\")", address.ip()));
        }
        format!(
            "You are connected to database \"{}\" as user \"{}\" {place} at port \"{}\".",
            self.target.database(),
            self.target.user(),
            address.port()
        )
    }

    /// `\c [DATABASE [USER [HOST [PORT]]]]`, where `-` keeps what there is, or a URL or the like.
    async fn reconnect(&mut self, reading: &mut Reading) -> Result<Outcome> {
        let mut words = Vec::new();
        while words.len() < 4
            && let Some(word) = self.argument(reading, if words.len() < 2 { Kind::Name } else { Kind::Normal })?
        {
            words.push(word);
        }
        let mut target = self.target.clone();
        let changed = change(&mut target, &words);
        let opened = match changed {
            Ok(()) => self.connect(target, None).await,
            Err(error) => Err(error),
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(error) if self.interactive => {
                self.warn(&format!("{error:#}\n"))?;
                if self.connection.is_some() {
                    self.warn("Previous connection kept\n")?;
                }
                return Ok(Outcome::Failed);
            }
            Err(error) => {
                // A script must not go on in the database that it meant to leave.
                self.complain(format_args!("\\connect: {error:#}"))?;
                self.connection = None;
                return Ok(Outcome::Failed);
            }
        };
        let place = |connection: &Connection| (connection.host().to_owned(), connection.address().port());
        let before = self.connection.take();
        let moved = before.as_ref().is_none_or(|before| place(before) != place(&connection));
        if let Some(before) = before {
            before.close().await;
        }
        let text = match moved {
            true => self.whereabouts(&connection).replacen("You are connected", "You are now connected", 1),
            false => {
                let (database, user) = (self.target.database(), self.target.user());
                format!("You are now connected to database \"{database}\" as user \"{user}\".")
            }
        };
        self.adopt(connection);
        self.tell(text)?;
        Ok(Outcome::Nothing)
    }

    /// The server gets the password's SCRAM verifier only, and neither its log nor the history the password.
    async fn change_password(&mut self, reading: &mut Reading) -> Result<Outcome> {
        let user = match self.argument(reading, Kind::Name)? {
            Some(user) => user,
            None => match self.ask("SELECT CURRENT_USER").await? {
                Some(rows) => rows.first().map(|row| row.text(0).to_owned()).unwrap_or_default(),
                None => return Ok(Outcome::Failed),
            },
        };
        self.sink.flush()?;
        let typed = terminal::password(&format!("Enter new password for user \"{user}\": "))
            .and_then(|first| terminal::password("Enter it again: ").map(|second| (first, second)));
        let (first, second) = match typed {
            Ok(typed) => typed,
            Err(_) => return mistake("\\password: no password was given"),
        };
        if first != second {
            return mistake("Passwords didn't match.");
        }
        let verifier = scram_sha_256(first.as_bytes());
        let sql = format!("ALTER USER {} PASSWORD {}", identifier(&user), literal(&verifier));
        // Not sent as statements are: nothing may show it.
        Ok(if self.ask(&sql).await?.is_some() { Outcome::Nothing } else { Outcome::Failed })
    }
}

fn change(target: &mut Target, words: &[String]) -> Result<()> {
    if let Some(first) = words.first()
        && (first.contains('=') || first.contains("://"))
    {
        return target.apply(first);
    }
    for (word, name) in words.iter().zip(["dbname", "user", "host", "port"]).filter(|(word, _)| *word != "-") {
        // Another person has another password, and so has another server.
        if name != "dbname" && target.get(name) != Some(word) && words.len() > 1 {
            target.forget("password");
        }
        target.set(name, &word[..])?;
    }
    Ok(())
}
