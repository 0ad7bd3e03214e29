"""SQLAlchemy 2 over psycopg: create_all, reflection, Core and ORM, types; then Alembic: upgrade, autogenerate, downgrade."""
import datetime as dt
import decimal
import enum
import pathlib
import tempfile
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from client import fresh_database, same, url

DRIVER = __import__("os").environ.get("ATOLL_DRIVER", "psycopg")
where = url(f"postgresql+{DRIVER}", fresh_database("client_sqlalchemy"))
engine = sa.create_engine(where)


class Mood(enum.Enum):
    sad = 1
    ok = 2


class Base(DeclarativeBase):
    pass


tagged = sa.Table(
    "tagged",
    Base.metadata,
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag_id", sa.ForeignKey("tags.id"), primary_key=True),
)


class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(30), unique=True)


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        sa.CheckConstraint("age >= 0", name="age_is_positive"),
        sa.UniqueConstraint("name", "age", name="name_and_age"),
        sa.Index("lower_name", sa.text("lower(name)"), postgresql_where=sa.text("age > 10")),
        sa.Index("name_including", "name", postgresql_include=["age"]),
        {"comment": "who"},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50), comment="their name")
    age: Mapped[int | None]
    mood: Mapped[Mood | None]
    addresses: Mapped[list["Address"]] = relationship(back_populates="user", cascade="all, delete-orphan")
    tags: Mapped[list[Tag]] = relationship(secondary=tagged)


class Address(Base):
    __tablename__ = "addresses"
    id: Mapped[int] = mapped_column(sa.Identity(start=10), primary_key=True)
    email: Mapped[str]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", onupdate="CASCADE", deferrable=True, initially="DEFERRED"))
    user: Mapped[User] = relationship(back_populates="addresses")


class Everything(Base):
    __tablename__ = "everything"
    __table_args__ = {"schema": "other"}
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    small: Mapped[int] = mapped_column(sa.SmallInteger)
    big: Mapped[int] = mapped_column(sa.BigInteger)
    ratio: Mapped[float] = mapped_column(sa.Double)
    price: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(12, 3))
    done: Mapped[bool] = mapped_column(server_default=sa.true())
    text: Mapped[str] = mapped_column(sa.Text)
    raw: Mapped[bytes]
    day: Mapped[dt.date]
    clock: Mapped[dt.time]
    plain: Mapped[dt.datetime] = mapped_column(sa.DateTime)
    zoned: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    span: Mapped[dt.timedelta] = mapped_column(sa.Interval)
    data: Mapped[dict] = mapped_column(pg.JSONB)
    plain_json: Mapped[list] = mapped_column(sa.JSON)
    numbers: Mapped[list[int]] = mapped_column(pg.ARRAY(sa.Integer))
    words: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.String))
    doubled: Mapped[int] = mapped_column(sa.Computed("small * 2", persisted=True))


with engine.begin() as conn:
    conn.execute(sa.schema.CreateSchema("other"))
Base.metadata.create_all(engine)
# A second time there is nothing to do, which the catalog must tell.
Base.metadata.create_all(engine)

inspector = sa.inspect(engine)
same(sorted(inspector.get_table_names()), ["addresses", "tagged", "tags", "users"])
same(inspector.get_schema_names(), ["information_schema", "other", "public"])
same(inspector.default_schema_name, "public")
same(inspector.has_table("users"), True)
same(inspector.has_table("everything"), False)
same(inspector.has_table("everything", schema="other"), True)
columns = {c["name"]: c for c in inspector.get_columns("users")}
same(repr(columns["name"]["type"]), "VARCHAR(length=50)")
same(columns["name"]["comment"], "their name")
same(columns["id"]["default"], "nextval('users_id_seq'::regclass)")
same((columns["age"]["nullable"], columns["name"]["nullable"]), (True, False))
same(columns["mood"]["type"].enums, ["sad", "ok"])
same(inspector.get_columns("addresses")[0]["identity"]["start"], 10)
same(inspector.get_pk_constraint("tagged")["constrained_columns"], ["user_id", "tag_id"])
fk = inspector.get_foreign_keys("addresses")[0]
same(fk["options"], {"onupdate": "CASCADE", "deferrable": True, "initially": "DEFERRED"})
same((fk["referred_table"], fk["referred_columns"]), ("users", ["id"]))
same([u["name"] for u in inspector.get_unique_constraints("users")], ["name_and_age"])
same([c["name"] for c in inspector.get_check_constraints("users")], ["age_is_positive"])
indexes = {i["name"]: i for i in inspector.get_indexes("users")}
same(indexes["lower_name"]["expressions"], ["lower(name::text)"] if "lower(name::text)" in indexes["lower_name"]["expressions"] else ["lower(name)"])
same(indexes["name_including"]["dialect_options"]["postgresql_include"], ["age"])
same(inspector.get_table_comment("users")["text"], "who")
same([e["name"] for e in inspector.get_enums()], ["mood"])
same(sorted(inspector.get_sequence_names()), ["addresses_id_seq", "tags_id_seq", "users_id_seq"])
same({c["name"]: c for c in inspector.get_columns("everything", schema="other")}["doubled"]["computed"]["persisted"], True)
same(inspector.get_view_names(), [])
reflected = sa.MetaData()
reflected.reflect(engine)
reflected.reflect(engine, schema="other")
same(len(reflected.tables), 5)

with Session(engine) as session:
    red, blue = Tag(name="red"), Tag(name="blue")
    session.add(User(name="Ann", age=30, mood=Mood.ok, tags=[red, blue], addresses=[Address(email="a@x"), Address(email="b@x")]))
    session.add_all([User(name=f"u{i}", age=i) for i in range(50)])
    session.commit()
    ann = session.scalars(sa.select(User).where(User.name == "Ann").options(selectinload(User.addresses))).one()
    same(sorted(a.email for a in ann.addresses), ["a@x", "b@x"])
    same((ann.mood, sorted(t.name for t in ann.tags)), (Mood.ok, ["blue", "red"]))
    same(session.scalar(sa.select(sa.func.count()).select_from(User).where(User.age.between(10, 19))), 10)
    rows = session.execute(
        sa.select(User.name, sa.func.count(Address.id)).outerjoin(User.addresses).group_by(User.name).having(sa.func.count(Address.id) > 0)
    ).all()
    same([tuple(row) for row in rows], [("Ann", 2)])
    ranked = sa.select(User.name, sa.func.row_number().over(order_by=User.age.desc().nulls_last()).label("n")).subquery()
    same(session.execute(sa.select(ranked.c.name).where(ranked.c.n == 1)).scalar(), "u49")
    same(session.execute(sa.update(User).where(User.age < 5).values(age=User.age + 100).returning(User.id)).all().__len__(), 5)
    ann.addresses.pop()
    ann.name = "Anne"
    session.commit()
    same(session.scalar(sa.select(sa.func.count()).select_from(Address)), 1)
    insert = pg.insert(Tag).values([{"id": 1, "name": "red"}, {"id": 77, "name": "green"}])
    session.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"name": insert.excluded.name + "!"}))
    same(session.scalars(sa.select(Tag.name).order_by(Tag.name)).all(), ["blue", "green", "red!"])
    session.delete(ann)
    session.commit()
    same(session.scalars(sa.select(tagged.c.tag_id)).all(), [])

    now = dt.datetime(2020, 1, 2, 3, 4, 5, 6)
    thing = Everything(
        small=3, big=2**40, ratio=0.1, price=decimal.Decimal("1.500"), text="t", raw=b"\x00\xff", day=now.date(),
        clock=now.time(), plain=now, span=dt.timedelta(days=2, seconds=3), data={"a": {"b": [1, 2]}}, plain_json=[1, None],
        numbers=[1, 2], words=["a", "b c"],
    )  # fmt: skip
    session.add(thing)
    session.commit()
    session.expire_all()
    same((thing.done, thing.price, thing.doubled, thing.raw), (True, decimal.Decimal("1.500"), 6, b"\x00\xff"))
    same((thing.data, thing.plain_json, thing.numbers, thing.words), ({"a": {"b": [1, 2]}}, [1, None], [1, 2], ["a", "b c"]))
    same((thing.plain, thing.span, thing.clock), (now, dt.timedelta(days=2, seconds=3), now.time()))
    same(session.scalar(sa.select(sa.func.count()).where(Everything.data["a"]["b"][0].as_integer() == 1)), 1)
    same(session.scalar(sa.select(sa.func.count()).where(sa.literal(2) == sa.any_(Everything.numbers), Everything.data.contains({"a": {}}))), 1)
    try:
        with session.begin_nested():
            session.add(Tag(name="blue"))
            session.flush()
    except sa.exc.IntegrityError:
        pass
    session.rollback()

for level in ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "AUTOCOMMIT"):
    with engine.connect().execution_options(isolation_level=level) as conn:
        same(conn.get_isolation_level(), engine.dialect.default_isolation_level if level == "AUTOCOMMIT" else level)
        conn.execute(sa.select(1))

try:
    import alembic.autogenerate
    import alembic.command
    import alembic.config
    import alembic.migration
except ImportError:
    print("sqlalchemy: ok (no Alembic)")
    raise SystemExit

with engine.connect() as conn:
    context = alembic.migration.MigrationContext.configure(conn, opts={"include_schemas": True, "include_name": lambda name, kind, parents: kind != "schema" or name in (None, "other"), "compare_type": True, "compare_server_default": True})
    extra = alembic.autogenerate.compare_metadata(context, Base.metadata)
    same([step for step in extra if step[0] not in ("remove_table",)], [], "what was created differs from its metadata")

ENV = """
from alembic import context
import sqlalchemy as sa
engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url").replace("%%", "%"))
with engine.connect() as conn:
    context.configure(connection=conn, target_metadata=context.config.attributes["metadata"], compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
"""
with tempfile.TemporaryDirectory() as folder:
    where = url(f"postgresql+{DRIVER}", fresh_database("client_alembic"))
    engine.dispose()
    config = alembic.config.Config()
    config.set_main_option("script_location", folder)
    config.set_main_option("sqlalchemy.url", where)
    pathlib.Path(folder, "env.py").write_text(ENV)
    pathlib.Path(folder, "versions").mkdir()
    template = pathlib.Path(alembic.__file__).parent / "templates/generic/script.py.mako"
    pathlib.Path(folder, "script.py.mako").write_text(template.read_text())

    def make(**columns):
        metadata = sa.MetaData()
        sa.Table("a", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns.pop("extra", []))
        sa.Table("b", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("a_id", sa.ForeignKey("a.id")))
        config.attributes["metadata"] = metadata

    make(extra=[sa.Column("name", sa.String(10)), sa.Column("gone", sa.Integer)])
    alembic.command.revision(config, "first", autogenerate=True)
    alembic.command.upgrade(config, "head")
    make(extra=[sa.Column("name", sa.String(20), nullable=False, index=True), sa.Column("new", sa.DateTime, server_default=sa.func.now())])
    alembic.command.revision(config, "second", autogenerate=True)
    alembic.command.upgrade(config, "head")
    migrated = sa.create_engine(where)
    names = {c["name"]: c for c in sa.inspect(migrated).get_columns("a")}
    same((sorted(names), names["name"]["type"].length, names["name"]["nullable"]), (["id", "name", "new"], 20, False))
    alembic.command.check(config)
    alembic.command.downgrade(config, "-1")
    same(sorted(c["name"] for c in sa.inspect(migrated).get_columns("a")), ["gone", "id", "name"])
    alembic.command.downgrade(config, "base")
    same(sa.inspect(migrated).get_table_names(), ["alembic_version"])
    migrated.dispose()

print("sqlalchemy: ok")
