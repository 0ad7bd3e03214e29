//! The same through a driver that people use.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::fake::{Node, listening, options};

async fn connect() -> (Arc<Node>, Client) {
    let node = Arc::new(Node::new());
    let (_handle, address) = listening(&node, options(None)).await;
    let config = format!("host=127.0.0.1 port={} user=bob application_name=test", address.port());
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
    drop(node.env.tasks.spawn("test", connection));
    (node, client)
}

#[tokio::test]
async fn statements_portals_and_errors() {
    let (_node, mut client) = connect().await;
    let rows: Vec<String> = client
        .simple_query("rows 3")
        .await
        .unwrap()
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect();
    assert_eq!(rows, ["1", "2", "3"]);

    let echo = client.prepare("echo").await.unwrap();
    assert_eq!(echo.params(), [Type::TEXT]);
    assert_eq!((echo.columns()[0].name(), echo.columns()[0].type_()), ("said", &Type::TEXT));
    let said = futures_util::future::join_all((0..50).map(|n| {
        let (client, echo) = (&client, &echo);
        async move { client.query_one(echo, &[&format!("é{n}")]).await.unwrap().get::<_, String>(0) }
    }));
    assert_eq!(said.await, (0..50).map(|n| format!("é{n}")).collect::<Vec<_>>());
    assert_eq!(client.query_one(&echo, &[&None::<&str>]).await.unwrap().get::<_, Option<String>>(0), None);

    let error = client.execute("boom X", &[]).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(
        (error.code().code(), error.position()),
        ("42601", Some(&tokio_postgres::error::ErrorPosition::Original(6)))
    );
    assert_eq!((error.schema(), error.constraint(), error.datatype()), (Some("s"), Some("n"), Some("ty")));

    // The driver's own BEGIN and COMMIT are not of the script's words.
    assert!(client.transaction().await.is_err());
    client.simple_query("begin").await.unwrap();
    client.simple_query("commit").await.unwrap();
}

#[tokio::test]
async fn copies() {
    let (_node, client) = connect().await;
    let mut sink = Box::pin(client.copy_in("copy in").await.unwrap());
    for _ in 0..100 {
        sink.feed(Bytes::from(vec![b'x'; 10_000])).await.unwrap();
    }
    // The driver takes the number from the tag.
    assert_eq!(sink.as_mut().finish().await.unwrap(), 1_000_000);
    // Dropped before its end, it says CopyFail.
    let sink = client.copy_in::<_, Bytes>("copy in").await.unwrap();
    drop(sink);
    let lines: Vec<Bytes> = client.copy_out("copy out").await.unwrap().try_collect().await.unwrap();
    assert_eq!(lines, ["1\n", "2\n", "3\n"]);
    assert_eq!(client.query("rows 2", &[]).await.map_err(|error| error.to_string()).map(|rows| rows.len()), Ok(2));
}

#[tokio::test]
async fn cancelling() {
    let (node, client) = connect().await;
    let token = client.cancel_token();
    let clock = node.env.clock.clone();
    let (outcome, ()) = futures_util::future::join(client.simple_query("wait"), async {
        clock.sleep(std::time::Duration::from_millis(20)).await;
        token.cancel_query(NoTls).await.unwrap();
    })
    .await;
    let error = outcome.unwrap_err();
    assert_eq!(error.as_db_error().unwrap().code().code(), "57014");
    assert_eq!(client.simple_query("rows 1").await.unwrap().len(), 3);
}

#[tokio::test]
async fn notices_come_through() {
    let node = Arc::new(Node::new());
    let (_handle, address) = listening(&node, options(None)).await;
    let config = format!("host=127.0.0.1 port={} user=bob", address.port());
    let (client, mut connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
    let messages = futures_util::stream::poll_fn(move |cx| connection.poll_message(cx));
    let collected = node.env.tasks.spawn("test", messages.collect::<Vec<_>>());
    client.simple_query("notice").await.unwrap();
    drop(client);
    assert_eq!(collected.await.unwrap().len(), 2);
}
