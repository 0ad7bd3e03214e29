//! What PostgreSQL has built in and nobody changes: functions, operators, casts, access methods, operator classes.
//!
//! Functions, operators, casts and aggregates are those that names are resolved among; of their planner's estimates,
//! their transition functions and the like there is nothing, since nothing here uses them. The rest is data.

use atoll_datum::builtin::{self, builtin};
use atoll_datum::{Datum, Oid, Result, oid};

use super::row::{NULL, Rows, chars, from_file, oid_vector, oids, texts};
use crate::catalog::{PG_CATALOG, POSTGRES_ROLE};
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    table 1255 81 pg_proc (
        oid OID, proname NAME, pronamespace OID, proowner OID, prolang OID, procost FLOAT4, prorows FLOAT4,
        provariadic OID, prosupport REGPROC, prokind CHAR, prosecdef BOOL, proleakproof BOOL, proisstrict BOOL,
        proretset BOOL, provolatile CHAR, proparallel CHAR, pronargs INT2, pronargdefaults INT2, prorettype OID,
        proargtypes OIDVECTOR, proallargtypes OID_ARRAY null, proargmodes CHAR_ARRAY null,
        proargnames TEXT_ARRAY null, proargdefaults PG_NODE_TREE null, protrftypes OID_ARRAY null, prosrc TEXT,
        probin TEXT null, prosqlbody PG_NODE_TREE null, proconfig TEXT_ARRAY null, proacl ACLITEM_ARRAY null,
    ) = functions;
    table 2617 10009 pg_operator (
        oid OID, oprname NAME, oprnamespace OID, oprowner OID, oprkind CHAR, oprcanmerge BOOL, oprcanhash BOOL,
        oprleft OID, oprright OID, oprresult OID, oprcom OID, oprnegate OID, oprcode REGPROC, oprrest REGPROC,
        oprjoin REGPROC,
    ) = operators;
    table 2605 10043 pg_cast (
        oid OID, castsource OID, casttarget OID, castfunc OID, castcontext CHAR, castmethod CHAR,
    ) = casts;
    table 2600 10027 pg_aggregate (
        aggfnoid REGPROC, aggkind CHAR, aggnumdirectargs INT2, aggtransfn REGPROC, aggfinalfn REGPROC,
        aggcombinefn REGPROC, aggserialfn REGPROC, aggdeserialfn REGPROC, aggmtransfn REGPROC,
        aggminvtransfn REGPROC, aggmfinalfn REGPROC, aggfinalextra BOOL, aggmfinalextra BOOL,
        aggfinalmodify CHAR, aggmfinalmodify CHAR, aggsortop OID, aggtranstype OID, aggtransspace INT4,
        aggmtranstype OID, aggmtransspace INT4, agginitval TEXT null, aggminitval TEXT null,
    ) = aggregates;
    table 2601 10015 pg_am (
        oid OID, amname NAME, amhandler REGPROC, amtype CHAR,
    ) = access_methods;
    table 2616 10013 pg_opclass (
        oid OID, opcmethod OID, opcname NAME, opcnamespace OID, opcowner OID, opcfamily OID, opcintype OID,
        opcdefault BOOL, opckeytype OID,
    ) = operator_classes;
    table 2753 10011 pg_opfamily (
        oid OID, opfmethod OID, opfname NAME, opfnamespace OID, opfowner OID,
    ) = operator_families;
    table 2602 10017 pg_amop (
        oid OID, amopfamily OID, amoplefttype OID, amoprighttype OID, amopstrategy INT2, amoppurpose CHAR,
        amopopr OID, amopmethod OID, amopsortfamily OID,
    ) = operator_class_operators;
    table 2603 10019 pg_amproc (
        oid OID, amprocfamily OID, amproclefttype OID, amprocrighttype OID, amprocnum INT2, amproc REGPROC,
    ) = operator_class_functions;
    table 2612 10021 pg_language (
        oid OID, lanname NAME, lanowner OID, lanispl BOOL, lanpltrusted BOOL, lanplcallfoid OID, laninline OID,
        lanvalidator OID, lanacl ACLITEM_ARRAY null,
    ) = languages;
    table 3456 10095 pg_collation (
        oid OID, collname NAME, collnamespace OID, collowner OID, collprovider CHAR, collisdeterministic BOOL,
        collencoding INT4, collcollate TEXT null, collctype TEXT null, colliculocale TEXT null,
        collversion TEXT null,
    ) = collations;
    table 1213 10056 pg_tablespace (
        oid OID, spcname NAME, spcowner OID, spcacl ACLITEM_ARRAY null, spcoptions TEXT_ARRAY null,
    ) = tablespaces;
    table 3079 10074 pg_extension (
        oid OID, extname NAME, extowner OID, extnamespace OID, extrelocatable BOOL, extversion TEXT,
        extconfig OID_ARRAY null, extcondition TEXT_ARRAY null,
    );
    view 12081 pg_available_extensions (
        name NAME, default_version TEXT, installed_version TEXT, comment TEXT,
    );
    view 12085 pg_available_extension_versions (
        name NAME, version TEXT, installed BOOL, superuser BOOL, trusted BOOL, relocatable BOOL, schema NAME,
        requires NAME_ARRAY, comment TEXT,
    );
}

fn functions(_: &Scope) -> Result<Rows> {
    Ok(builtin().functions.iter().map(function_row).collect())
}

fn function_row(row: &builtin::Function) -> Vec<Datum> {
    let some = |is_there: bool, array: Datum| if is_there { array } else { NULL };
    row![
        row.oid,
        row.name,
        PG_CATALOG,
        POSTGRES_ROLE,
        row.language,
        1f32,
        if row.returns_set { 1000f32 } else { 0f32 },
        row.variadic,
        Oid::NONE,
        row.kind,
        false,
        false,
        row.strict,
        row.returns_set,
        row.volatility,
        's',
        row.arguments.len() as i16,
        row.defaults as i16,
        row.result,
        oid_vector(row.arguments.iter().copied()),
        some(!row.all_arguments.is_empty(), oids(row.all_arguments.iter().copied())),
        some(!row.modes.is_empty(), chars(row.modes.iter().copied())),
        some(!row.names.is_empty(), texts(row.names.iter().copied())),
        row.default_text,
        NULL,
        row.source,
        NULL,
        NULL,
        NULL,
        NULL,
    ]
}

fn operators(_: &Scope) -> Result<Rows> {
    let row = |row: &builtin::Operator| {
        row![
            row.oid,
            row.name,
            PG_CATALOG,
            POSTGRES_ROLE,
            row.kind,
            row.merges,
            row.hashes,
            row.left,
            row.right,
            row.result,
            row.commutator,
            row.negator,
            row.function,
            Oid::NONE,
            Oid::NONE,
        ]
    };
    Ok(builtin().operators.iter().map(row).collect())
}

fn casts(_: &Scope) -> Result<Rows> {
    let row = |row: &builtin::Cast| row![row.oid, row.source, row.target, row.function, row.context, row.method];
    Ok(builtin().casts.iter().map(row).collect())
}

fn aggregates(_: &Scope) -> Result<Rows> {
    let row = |row: &builtin::Aggregate| {
        row![
            row.function,
            row.kind,
            row.direct_arguments as i16,
            Oid::NONE,
            Oid::NONE,
            Oid::NONE,
            Oid::NONE,
            Oid::NONE,
            Oid::NONE,
            Oid::NONE,
            Oid::NONE,
            false,
            false,
            'r',
            'r',
            Oid::NONE,
            oid::INTERNAL,
            0i32,
            Oid::NONE,
            0i32,
            NULL,
            NULL,
        ]
    };
    Ok(builtin().aggregates.iter().map(row).collect())
}

/// Also for the default class of a type; columns as in pg_opclass.
pub(super) const OPERATOR_CLASSES: &str = include_str!("../../data/pg_opclass.tsv");

fn access_methods(_: &Scope) -> Result<Rows> {
    Ok(from_file(include_str!("../../data/pg_am.tsv"), &[oid::OID, oid::NAME, oid::REGPROC, oid::CHAR]))
}

fn operator_classes(_: &Scope) -> Result<Rows> {
    use oid::{BOOL, NAME, OID};
    Ok(from_file(OPERATOR_CLASSES, &[OID, OID, NAME, OID, OID, OID, OID, BOOL, OID]))
}

fn operator_families(_: &Scope) -> Result<Rows> {
    use oid::{NAME, OID};
    Ok(from_file(include_str!("../../data/pg_opfamily.tsv"), &[OID, OID, NAME, OID, OID]))
}

fn operator_class_operators(_: &Scope) -> Result<Rows> {
    use oid::{CHAR, INT2, OID};
    Ok(from_file(include_str!("../../data/pg_amop.tsv"), &[OID, OID, OID, OID, INT2, CHAR, OID, OID, OID]))
}

fn operator_class_functions(_: &Scope) -> Result<Rows> {
    use oid::{INT2, OID, REGPROC};
    Ok(from_file(include_str!("../../data/pg_amproc.tsv"), &[OID, OID, OID, OID, INT2, REGPROC]))
}

fn languages(_: &Scope) -> Result<Rows> {
    let row = |(oid, name, trusted, validator): (u32, &str, bool, u32)| {
        row![oid, name, POSTGRES_ROLE, false, trusted, Oid::NONE, Oid::NONE, validator, NULL]
    };
    Ok([(12, "internal", false, 2246), (13, "c", false, 2247), (14, "sql", true, 2248)].into_iter().map(row).collect())
}

/// Everything is in the order of bytes: the collations that mean this, and the default, which is it.
fn collations(_: &Scope) -> Result<Rows> {
    let row = |(oid, name, provider, locale): (u32, &str, char, Option<&str>)| {
        row![oid, name, PG_CATALOG, POSTGRES_ROLE, provider, true, -1i32, locale, locale, NULL, NULL]
    };
    let all = [(100, "default", 'd', None), (950, "C", 'c', Some("C")), (951, "POSIX", 'c', Some("POSIX"))];
    Ok(all.into_iter().map(row).collect())
}

fn tablespaces(_: &Scope) -> Result<Rows> {
    let all = [(1663u32, "pg_default"), (1664, "pg_global")];
    Ok(all.into_iter().map(|(oid, name)| row![oid, name, POSTGRES_ROLE, NULL, NULL]).collect())
}
