// The JDBC driver: statements in text and in binary after five runs, batches, generated keys, metadata, COPY, fetch size.
// Run with the driver's jar in the class path: java -cp postgresql.jar tests/clients/TestJdbc.java

import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.postgresql.PGConnection;

public class TestJdbc {
    static String env(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    static void same(Object actual, Object expected) {
        if (!Objects.equals(actual, expected)) throw new AssertionError("expected " + expected + ", got " + actual);
    }

    static Connection connect(String database) throws SQLException {
        String url = "jdbc:postgresql://" + env("ATOLL_HOST", "127.0.0.1") + ":" + env("ATOLL_PORT", "5432") + "/" + database;
        return DriverManager.getConnection(url, env("ATOLL_USER", "postgres"), env("ATOLL_PASSWORD", ""));
    }

    static List<String> strings(ResultSet rows, String... columns) throws SQLException {
        List<String> found = new ArrayList<>();
        while (rows.next()) {
            List<String> row = new ArrayList<>();
            for (String column : columns) row.add(rows.getString(column));
            found.add(String.join("|", row));
        }
        return found;
    }

    static Object one(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getObject(1);
        }
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection admin = connect("postgres"); Statement statement = admin.createStatement()) {
            statement.execute("DROP DATABASE IF EXISTS client_jdbc");
            statement.execute("CREATE DATABASE client_jdbc");
        }
        try (Connection c = connect("client_jdbc")) {
            try (Statement s = c.createStatement()) {
                s.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')");
                s.execute("CREATE TABLE parent (id serial PRIMARY KEY, name varchar(20) NOT NULL UNIQUE)");
                s.execute("CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE,"
                    + " n numeric(10,2), at timestamptz, d date, u uuid, b bytea, j jsonb, xs int[], m mood, ok boolean DEFAULT true)");
                s.execute("CREATE INDEX t_n ON t (n)");
                s.execute("CREATE VIEW v AS SELECT id, n FROM t");
                s.execute("COMMENT ON TABLE t IS 'things'");
                s.executeUpdate("INSERT INTO parent (name) VALUES ('a'), ('b')", Statement.RETURN_GENERATED_KEYS);
                same(strings(s.getGeneratedKeys(), "id", "name"), List.of("1|a", "2|b"));
            }
            UUID uuid = UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
            OffsetDateTime at = OffsetDateTime.parse("2020-01-02T03:04:05.678Z");
            String insert = "INSERT INTO t (parent_id, n, at, d, u, b, j, xs, m) VALUES (?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?::mood)";
            try (PreparedStatement p = c.prepareStatement(insert, new String[] {"id"})) {
                // More than five: from then on the driver prepares it and asks for binary.
                for (int i = 0; i < 12; i++) {
                    p.setInt(1, 1 + i % 2);
                    p.setBigDecimal(2, new BigDecimal("1.50"));
                    p.setObject(3, at);
                    p.setObject(4, LocalDate.of(2020, 2, 29));
                    p.setObject(5, uuid);
                    p.setBytes(6, new byte[] {0, -1});
                    p.setString(7, "{\"a\": 1}");
                    p.setArray(8, c.createArrayOf("int4", new Integer[] {1, null, 3}));
                    p.setString(9, "ok");
                    same(p.executeUpdate(), 1);
                    ResultSet keys = p.getGeneratedKeys();
                    keys.next();
                    same(keys.getLong(1), i + 1L);
                }
            }
            try (PreparedStatement p = c.prepareStatement("SELECT * FROM t WHERE id = ? AND n = ?")) {
                for (int i = 1; i <= 12; i++) {
                    p.setLong(1, i);
                    p.setBigDecimal(2, new BigDecimal("1.5"));
                    ResultSet row = p.executeQuery();
                    same(row.next(), true);
                    same(row.getBigDecimal("n"), new BigDecimal("1.50"));
                    same(row.getObject("at", OffsetDateTime.class).toInstant(), at.toInstant());
                    same(row.getObject("d", LocalDate.class), LocalDate.of(2020, 2, 29));
                    same(row.getObject("u"), uuid);
                    same(Arrays.toString(row.getBytes("b")), "[0, -1]");
                    same(row.getString("j"), "{\"a\": 1}");
                    same(Arrays.toString((Object[]) row.getArray("xs").getArray()), "[1, null, 3]");
                    same(row.getString("m"), "ok");
                    same(row.getBoolean("ok"), true);
                    same(row.getMetaData().getColumnTypeName(3), "numeric");
                    same(row.getMetaData().getPrecision(3), 10);
                    same(row.getMetaData().isAutoIncrement(1), true);
                }
            }
            try (PreparedStatement p = c.prepareStatement("INSERT INTO parent (name) VALUES (?)")) {
                for (int i = 0; i < 500; i++) {
                    p.setString(1, "n" + i);
                    p.addBatch();
                }
                same(p.executeBatch().length, 500);
            }

            DatabaseMetaData meta = c.getMetaData();
            same(meta.getDatabaseProductName(), "PostgreSQL");
            same(strings(meta.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME", "TABLE_TYPE", "REMARKS").toString(), "[parent|TABLE|null, t|TABLE|things, v|VIEW|null]");
            same(strings(meta.getColumns(null, "public", "parent", "%"), "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE", "IS_NULLABLE", "IS_AUTOINCREMENT"), List.of("id|serial|10|NO|YES", "name|varchar|20|NO|NO"));
            same(strings(meta.getPrimaryKeys(null, "public", "t"), "COLUMN_NAME", "PK_NAME"), List.of("id|t_pkey"));
            same(strings(meta.getImportedKeys(null, "public", "t"), "PKTABLE_NAME", "FKCOLUMN_NAME", "DELETE_RULE"), List.of("parent|parent_id|" + DatabaseMetaData.importedKeyCascade));
            same(strings(meta.getExportedKeys(null, "public", "parent"), "FKTABLE_NAME"), List.of("t"));
            same(strings(meta.getIndexInfo(null, "public", "t", false, true), "INDEX_NAME", "COLUMN_NAME"), List.of("t_pkey|id", "t_n|n"));
            same(strings(meta.getSchemas(), "TABLE_SCHEM").contains("public"), true);
            same(strings(meta.getTypeInfo(), "TYPE_NAME").contains("mood"), true);
            same(strings(meta.getTablePrivileges(null, "public", "t"), "PRIVILEGE").contains("SELECT"), true);
            same(meta.getFunctions(null, "pg_catalog", "lower").next(), true);
            same(strings(meta.getBestRowIdentifier(null, "public", "t", DatabaseMetaData.bestRowSession, false), "COLUMN_NAME"), List.of("id"));
            same(meta.getSQLKeywords().length() > 100, true);

            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.setFetchSize(50);
                int rows = 0;
                for (ResultSet r = s.executeQuery("SELECT * FROM parent ORDER BY id"); r.next(); ) rows++;
                same(rows, 502);
                Savepoint savepoint = c.setSavepoint("here");
                try {
                    s.executeUpdate("INSERT INTO parent (name) VALUES ('a')");
                    throw new AssertionError("a unique constraint did not hold");
                } catch (SQLException error) {
                    same(error.getSQLState(), "23505");
                }
                c.rollback(savepoint);
                s.executeUpdate("INSERT INTO parent (name) VALUES ('kept')");
            }
            c.commit();
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            same(one(c, "SHOW transaction_isolation"), "serializable");
            c.rollback();
            c.setAutoCommit(true);
            c.setReadOnly(true);
            c.setReadOnly(false);
            same(((PGConnection) c).getCopyAPI().copyIn("COPY parent (name) FROM STDIN", new StringReader("x1\nx2\n")), 2L);
            try (PreparedStatement p = c.prepareStatement("SELECT ?::text, ?::timestamp, ?")) {
                p.setNull(1, Types.VARCHAR);
                p.setTimestamp(2, Timestamp.valueOf("2020-01-02 03:04:05.006"));
                p.setString(3, "x");
                ResultSet row = p.executeQuery();
                row.next();
                same(row.getString(1), null);
                same(row.getTimestamp(2), Timestamp.valueOf("2020-01-02 03:04:05.006"));
            }
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
                ResultSet row = s.executeQuery("SELECT id, name FROM parent WHERE name = 'x1'");
                row.next();
                row.updateString("name", "x3");
                row.updateRow();
                same(one(c, "SELECT count(*) FROM parent WHERE name = 'x3'"), 1L);
                s.setQueryTimeout(1);
                try {
                    s.executeQuery("SELECT pg_sleep(10)");
                    throw new AssertionError("a timeout did not come");
                } catch (SQLException error) {
                    same(error.getSQLState(), "57014");
                }
            }
            same(c.isValid(5), true);
        }
        System.out.println("JDBC: ok");
    }
}
