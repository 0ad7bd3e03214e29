//! Two transactions at once.

use std::time::Duration;

use super::*;

const LEVELS: [Isolation; 3] = [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable];

fn t() -> Table {
    with_index(table(20_000, "t", &[("id", oid::INT4), ("a", oid::INT4)]), "a_key", &[2], true)
}

/// Runs a statement in another transaction, which commits at once, while the first one is open.
fn beside(db: &Database, isolation: Isolation, plan: Plan) -> impl Future<Output = Outcome> + use<> {
    all_beside(db, isolation, vec![plan])
}

/// The same with several statements; what comes of the last one.
fn all_beside(db: &Database, isolation: Isolation, plans: Vec<Plan>) -> impl Future<Output = Outcome> + use<> {
    let other = db.clone();
    let task = db.env.tasks.spawn("beside", async move {
        let mut session = other.begin(isolation);
        let mut last = (Vec::new(), 0);
        for plan in plans {
            match session.run(plan).await {
                Ok(outcome) => last = outcome,
                Err(failure) => {
                    session.txn.rollback().await;
                    return Err(failure);
                }
            }
        }
        session.commit().await.map(|()| last)
    });
    async move { task.await.unwrap() }
}

async fn a_moment(db: &Database) {
    db.env.clock.sleep(Duration::from_millis(50)).await;
}

#[test]
fn one_of_two_inserts_of_a_key_fails() {
    for isolation in LEVELS {
        for commits in [true, false] {
            // The primary key, and another unique one.
            for rows in [[&["1", "1"], &["1", "2"]], [&["1", "1"], &["2", "1"]]] as [[&'static [&'static str]; 2]; 2] {
                with_tables(vec![t()], move |db| async move {
                    let mut first = db.begin(isolation);
                    first.run(inserted(insert(&db, "t", &rows[..1]))).await.unwrap();
                    let second = beside(&db, isolation, inserted(insert(&db, "t", &rows[1..])));
                    a_moment(&db).await;
                    if commits {
                        first.commit().await.unwrap();
                        assert!(told(second.await).starts_with("23505"), "{isolation:?}");
                    } else {
                        first.txn.rollback().await;
                        second.await.unwrap();
                    }
                    assert_eq!(db.rows("t").await.len(), 1);
                });
            }
        }
    }
}

#[test]
fn who_deletes_a_key_is_waited_for() {
    for isolation in LEVELS {
        for rows in [&[&["1", "2"]], &[&["2", "1"]]] as [&'static [&'static [&'static str]]; 2] {
            for has_read in [false, true] {
                with_tables(vec![t()], move |db| async move {
                    db.ok(inserted(insert(&db, "t", &[&["1", "1"]]))).await;
                    let mut first = db.begin(isolation);
                    first.run(delete(&db, "t", None)).await.unwrap();
                    let mut plans = vec![inserted(insert(&db, "t", rows))];
                    if has_read {
                        plans.insert(0, scan_all(&db.table("t")));
                    }
                    let second = all_beside(&db, isolation, plans);
                    a_moment(&db).await;
                    first.commit().await.unwrap();
                    let outcome = second.await;
                    if has_read && isolation != Isolation::ReadCommitted {
                        // Its snapshot has shown the row, so the version that says that it is gone is beyond it.
                        assert!(told(outcome).starts_with("40001"), "{isolation:?}");
                        assert!(db.rows("t").await.is_empty());
                    } else {
                        // Nobody has seen the row since the deleter began: it is gone before the snapshot.
                        outcome.unwrap();
                        assert_eq!(db.rows("t").await.len(), 1);
                    }
                });
            }
        }
    }
}

#[test]
fn no_update_is_lost() {
    for isolation in LEVELS {
        with_tables(vec![t()], move |db| async move {
            db.ok(inserted(insert(&db, "t", &[&["1", "1"], &["2", "20"]]))).await;
            let step = |db: &Database| {
                let a = col(2, Type::INT4);
                update(db, "t", vec![(2, call("int4pl", vec![a, int(1)]))], is(1, 1))
            };
            let mut first = db.begin(isolation);
            first.run(step(&db)).await.unwrap();
            let second = beside(&db, isolation, step(&db));
            a_moment(&db).await;
            first.commit().await.unwrap();
            let outcome = second.await;
            if isolation == Isolation::ReadCommitted {
                // It has run again.
                assert_eq!(outcome.unwrap().0, ["1|3"]);
            } else {
                assert!(told(outcome).starts_with("40001"));
                assert_eq!(db.rows("t").await, ["1|2", "2|20"]);
            }
        });
    }
}

fn family() -> Vec<Table> {
    let mut parent = table(20_000, "p", &[("id", oid::INT4), ("a", oid::INT4)]);
    let mut child = table(21_000, "c", &[("id", oid::INT4), ("p", oid::INT4)]);
    with_foreign_key(&mut child, 2, &mut parent, ForeignAction::NoAction);
    vec![parent, child]
}

#[test]
fn nobody_refers_to_what_is_being_deleted() {
    for isolation in LEVELS {
        with_tables(family(), move |db| async move {
            db.ok(inserted(insert(&db, "p", &[&["1", "1"]]))).await;
            let mut first = db.begin(isolation);
            first.run(delete(&db, "p", None)).await.unwrap();
            let second = beside(&db, isolation, inserted(insert(&db, "c", &[&["1", "1"]])));
            a_moment(&db).await;
            first.commit().await.unwrap();
            assert_eq!(
                told(second.await),
                "23503 insert or update on table \"c\" violates foreign key constraint \"c_p_fkey\" | Key (p)=(1) is not \
                 present in table \"p\"."
            );
        });
    }
}

#[test]
fn nobody_deletes_what_is_being_referred_to() {
    for isolation in LEVELS {
        with_tables(family(), move |db| async move {
            db.ok(inserted(insert(&db, "p", &[&["1", "1"]]))).await;
            let mut first = db.begin(isolation);
            first.run(inserted(insert(&db, "c", &[&["1", "1"]]))).await.unwrap();
            // Another one may refer to it, too, and change what nobody refers to.
            beside(&db, isolation, inserted(insert(&db, "c", &[&["2", "1"]]))).await.unwrap();
            beside(&db, isolation, update(&db, "p", vec![(2, int(7))], None)).await.unwrap();
            let second = beside(&db, isolation, delete(&db, "p", None));
            a_moment(&db).await;
            first.commit().await.unwrap();
            let told = told(second.await);
            assert!(told.starts_with("23503 update or delete on table \"p\""), "{isolation:?}: {told}");
            assert_eq!(db.rows("p").await, ["1|7"]);
        });
    }
}
