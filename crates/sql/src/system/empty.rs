//! Relations about features that Atoll has not got, or of which it keeps no record: they have columns and no rows.

relations! { PG_CATALOG, CATALOG:
    table 3118 10082 pg_foreign_table (
        ftrelid OID, ftserver OID, ftoptions TEXT_ARRAY null,
    );
    table 3429 10033 pg_statistic_ext_data (
        stxoid OID, stxdinherit BOOL, stxdndistinct PG_NDISTINCT null, stxddependencies PG_DEPENDENCIES null,
        stxdmcv PG_MCV_LIST null, stxdexpr RECORDARRAY null,
    );
    view 12110 pg_file_settings (
        sourcefile TEXT, sourceline INT4, seqno INT4, name TEXT, setting TEXT, applied BOOL, error TEXT,
    );
    view 12114 pg_hba_file_rules (
        line_number INT4, type TEXT, database TEXT_ARRAY, user_name TEXT_ARRAY, address TEXT, netmask TEXT,
        auth_method TEXT, options TEXT_ARRAY, error TEXT,
    );
    view 12118 pg_ident_file_mappings (
        line_number INT4, map_name TEXT, sys_name TEXT, pg_username TEXT, error TEXT,
    );
    view 12130 pg_config (
        name TEXT, setting TEXT,
    );
    view 12134 pg_shmem_allocations (
        name TEXT, off INT8, size INT8, allocated_size INT8,
    );
    view 12138 pg_backend_memory_contexts (
        name TEXT, ident TEXT, parent TEXT, level INT4, total_bytes INT8, total_nblocks INT8, free_bytes INT8,
        free_chunks INT8, used_bytes INT8,
    );
    table 1418 10080 pg_user_mapping (
        oid OID, umuser OID, umserver OID, umoptions TEXT_ARRAY null,
    );
    view 12332 pg_replication_origin_status (
        local_id OID, external_id TEXT, remote_lsn PG_LSN, local_lsn PG_LSN,
    );
    table 6100 6101 pg_subscription (
        oid OID, subdbid OID, subskiplsn PG_LSN, subname NAME, subowner OID, subenabled BOOL, subbinary BOOL,
        substream BOOL, subtwophasestate CHAR, subdisableonerr BOOL, subconninfo TEXT, subslotname NAME null,
        subsynccommit TEXT, subpublications TEXT_ARRAY,
    );
    table 2611 10005 pg_inherits (
        inhrelid OID, inhparent OID, inhseqno INT4, inhdetachpending BOOL,
    );
    view 12227 pg_stat_replication (
        pid INT4, usesysid OID, usename NAME, application_name TEXT, client_addr INET, client_hostname TEXT,
        client_port INT4, backend_start TIMESTAMPTZ, backend_xmin XID, state TEXT, sent_lsn PG_LSN,
        write_lsn PG_LSN, flush_lsn PG_LSN, replay_lsn PG_LSN, write_lag INTERVAL, flush_lag INTERVAL,
        replay_lag INTERVAL, sync_priority INT4, sync_state TEXT, reply_time TIMESTAMPTZ,
    );
    view 12232 pg_stat_slru (
        name TEXT, blks_zeroed INT8, blks_hit INT8, blks_read INT8, blks_written INT8, blks_exists INT8,
        flushes INT8, truncates INT8, stats_reset TIMESTAMPTZ,
    );
    view 12236 pg_stat_wal_receiver (
        pid INT4, status TEXT, receive_start_lsn PG_LSN, receive_start_tli INT4, written_lsn PG_LSN,
        flushed_lsn PG_LSN, received_tli INT4, last_msg_send_time TIMESTAMPTZ,
        last_msg_receipt_time TIMESTAMPTZ, latest_end_lsn PG_LSN, latest_end_time TIMESTAMPTZ, slot_name TEXT,
        sender_host TEXT, sender_port INT4, conninfo TEXT,
    );
    view 12240 pg_stat_recovery_prefetch (
        stats_reset TIMESTAMPTZ, prefetch INT8, hit INT8, skip_init INT8, skip_new INT8, skip_fpw INT8,
        skip_rep INT8, wal_distance INT4, block_distance INT4, io_depth INT4,
    );
    table 2995 10023 pg_largeobject_metadata (
        oid OID, lomowner OID, lomacl ACLITEM_ARRAY null,
    );
    table 3381 10031 pg_statistic_ext (
        oid OID, stxrelid OID, stxname NAME, stxnamespace OID, stxowner OID, stxstattarget INT4,
        stxkeys INT2VECTOR, stxkind CHAR_ARRAY, stxexprs PG_NODE_TREE null,
    );
    table 2620 10037 pg_trigger (
        oid OID, tgrelid OID, tgparentid OID, tgname NAME, tgfoid OID, tgtype INT2, tgenabled CHAR,
        tgisinternal BOOL, tgconstrrelid OID, tgconstrindid OID, tgconstraint OID, tgdeferrable BOOL,
        tginitdeferred BOOL, tgnargs INT2, tgattr INT2VECTOR, tgargs BYTEA, tgqual PG_NODE_TREE null,
        tgoldtable NAME null, tgnewtable NAME null,
    );
    table 3466 10039 pg_event_trigger (
        oid OID, evtname NAME, evtevent NAME, evtowner OID, evtfoid OID, evtenabled CHAR,
        evttags TEXT_ARRAY null,
    );
    table 2607 10049 pg_conversion (
        oid OID, conname NAME, connamespace OID, conowner OID, conforencoding INT4, contoencoding INT4,
        conproc REGPROC, condefault BOOL,
    );
    table 3602 10064 pg_ts_config (
        oid OID, cfgname NAME, cfgnamespace OID, cfgowner OID, cfgparser OID,
    );
    table 3603 10066 pg_ts_config_map (
        mapcfg OID, maptokentype INT4, mapseqno INT4, mapdict OID,
    );
    table 3600 10068 pg_ts_dict (
        oid OID, dictname NAME, dictnamespace OID, dictowner OID, dicttemplate OID, dictinitoption TEXT null,
    );
    table 3601 10070 pg_ts_parser (
        oid OID, prsname NAME, prsnamespace OID, prsstart REGPROC, prstoken REGPROC, prsend REGPROC,
        prsheadline REGPROC, prslextype REGPROC,
    );
    table 3764 10072 pg_ts_template (
        oid OID, tmplname NAME, tmplnamespace OID, tmplinit REGPROC, tmpllexize REGPROC,
    );
    table 2328 10076 pg_foreign_data_wrapper (
        oid OID, fdwname NAME, fdwowner OID, fdwhandler OID, fdwvalidator OID, fdwacl ACLITEM_ARRAY null,
        fdwoptions TEXT_ARRAY null,
    );
    table 1417 10078 pg_foreign_server (
        oid OID, srvname NAME, srvowner OID, srvfdw OID, srvtype TEXT null, srvversion TEXT null,
        srvacl ACLITEM_ARRAY null, srvoptions TEXT_ARRAY null,
    );
    table 3256 10084 pg_policy (
        oid OID, polname NAME, polrelid OID, polcmd CHAR, polpermissive BOOL, polroles OID_ARRAY,
        polqual PG_NODE_TREE null, polwithcheck PG_NODE_TREE null,
    );
    table 6000 10086 pg_replication_origin (
        roident OID, roname TEXT,
    );
    table 3394 10090 pg_init_privs (
        objoid OID, classoid OID, objsubid INT4, privtype CHAR, initprivs ACLITEM_ARRAY,
    );
    table 3596 10092 pg_seclabel (
        objoid OID, classoid OID, objsubid INT4, provider TEXT, label TEXT,
    );
    table 3592 4066 pg_shseclabel (
        objoid OID, classoid OID, provider TEXT, label TEXT,
    );
    table 6243 10097 pg_parameter_acl (
        oid OID, parname TEXT, paracl ACLITEM_ARRAY null,
    );
    table 3350 10099 pg_partitioned_table (
        partrelid OID, partstrat CHAR, partnatts INT2, partdefid OID, partattrs INT2VECTOR, partclass OIDVECTOR,
        partcollation OIDVECTOR, partexprs PG_NODE_TREE null,
    );
    table 3576 10103 pg_transform (
        oid OID, trftype OID, trflang OID, trffromsql REGPROC, trftosql REGPROC,
    );
    table 6104 10107 pg_publication (
        oid OID, pubname NAME, pubowner OID, puballtables BOOL, pubinsert BOOL, pubupdate BOOL, pubdelete BOOL,
        pubtruncate BOOL, pubviaroot BOOL,
    );
    table 6237 10109 pg_publication_namespace (
        oid OID, pnpubid OID, pnnspid OID,
    );
    table 6106 10111 pg_publication_rel (
        oid OID, prpubid OID, prrelid OID, prqual PG_NODE_TREE null, prattrs INT2VECTOR null,
    );
    table 6102 10114 pg_subscription_rel (
        srsubid OID, srrelid OID, srsubstate CHAR, srsublsn PG_LSN null,
    );
    view 12018 pg_policies (
        schemaname NAME, tablename NAME, policyname NAME, permissive TEXT, roles NAME_ARRAY, cmd TEXT,
        qual TEXT, with_check TEXT,
    );
    view 12023 pg_rules (
        schemaname NAME, tablename NAME, rulename NAME, definition TEXT,
    );
    view 12058 pg_stats_ext (
        schemaname NAME, tablename NAME, statistics_schemaname NAME, statistics_name NAME,
        statistics_owner NAME, attnames NAME_ARRAY, exprs TEXT_ARRAY, kinds CHAR_ARRAY, inherited BOOL,
        n_distinct PG_NDISTINCT, dependencies PG_DEPENDENCIES, most_common_vals TEXT_ARRAY,
        most_common_val_nulls BOOL_ARRAY, most_common_freqs FLOAT8_ARRAY, most_common_base_freqs FLOAT8_ARRAY,
    );
    view 12063 pg_stats_ext_exprs (
        schemaname NAME, tablename NAME, statistics_schemaname NAME, statistics_name NAME,
        statistics_owner NAME, expr TEXT, inherited BOOL, null_frac FLOAT4, avg_width INT4, n_distinct FLOAT4,
        most_common_vals ANYARRAY, most_common_freqs FLOAT4_ARRAY, histogram_bounds ANYARRAY,
        correlation FLOAT4, most_common_elems ANYARRAY, most_common_elem_freqs FLOAT4_ARRAY,
        elem_count_histogram FLOAT4_ARRAY,
    );
    view 12068 pg_publication_tables (
        pubname NAME, schemaname NAME, tablename NAME, attnames NAME_ARRAY, rowfilter TEXT,
    );
    view 12090 pg_prepared_xacts (
        transaction XID, gid TEXT, prepared TIMESTAMPTZ, owner NAME, database NAME,
    );
    view 12099 pg_seclabels (
        objoid OID, classoid OID, objsubid INT4, objtype TEXT, objnamespace OID, objname TEXT, provider TEXT,
        label TEXT,
    );
    view 12157 pg_stat_xact_sys_tables (
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8,
        idx_tup_fetch INT8, n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8,
    );
    view 12147 pg_stat_xact_all_tables (
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8,
        idx_tup_fetch INT8, n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8,
    );
    view 12166 pg_stat_xact_user_tables (
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8,
        idx_tup_fetch INT8, n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8,
    );
    view 12170 pg_statio_all_tables (
        relid OID, schemaname NAME, relname NAME, heap_blks_read INT8, heap_blks_hit INT8, idx_blks_read INT8,
        idx_blks_hit INT8, toast_blks_read INT8, toast_blks_hit INT8, tidx_blks_read INT8, tidx_blks_hit INT8,
    );
    view 12175 pg_statio_sys_tables (
        relid OID, schemaname NAME, relname NAME, heap_blks_read INT8, heap_blks_hit INT8, idx_blks_read INT8,
        idx_blks_hit INT8, toast_blks_read INT8, toast_blks_hit INT8, tidx_blks_read INT8, tidx_blks_hit INT8,
    );
    view 12179 pg_statio_user_tables (
        relid OID, schemaname NAME, relname NAME, heap_blks_read INT8, heap_blks_hit INT8, idx_blks_read INT8,
        idx_blks_hit INT8, toast_blks_read INT8, toast_blks_hit INT8, tidx_blks_read INT8, tidx_blks_hit INT8,
    );
    view 12188 pg_stat_sys_indexes (
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_scan INT8,
        idx_tup_read INT8, idx_tup_fetch INT8,
    );
    view 12196 pg_statio_all_indexes (
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_blks_read INT8,
        idx_blks_hit INT8,
    );
    view 12201 pg_statio_sys_indexes (
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_blks_read INT8,
        idx_blks_hit INT8,
    );
    view 12205 pg_statio_user_indexes (
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_blks_read INT8,
        idx_blks_hit INT8,
    );
    view 12209 pg_statio_all_sequences (
        relid OID, schemaname NAME, relname NAME, blks_read INT8, blks_hit INT8,
    );
    view 12214 pg_statio_sys_sequences (
        relid OID, schemaname NAME, relname NAME, blks_read INT8, blks_hit INT8,
    );
    view 12218 pg_statio_user_sequences (
        relid OID, schemaname NAME, relname NAME, blks_read INT8, blks_hit INT8,
    );
    view 12244 pg_stat_subscription (
        subid OID, subname NAME, pid INT4, relid OID, received_lsn PG_LSN, last_msg_send_time TIMESTAMPTZ,
        last_msg_receipt_time TIMESTAMPTZ, latest_end_lsn PG_LSN, latest_end_time TIMESTAMPTZ,
    );
    view 12249 pg_stat_ssl (
        pid INT4, ssl BOOL, version TEXT, cipher TEXT, bits INT4, client_dn TEXT, client_serial NUMERIC,
        issuer_dn TEXT,
    );
    view 12253 pg_stat_gssapi (
        pid INT4, gss_authenticated BOOL, principal TEXT, encrypted BOOL,
    );
    view 12257 pg_replication_slots (
        slot_name NAME, plugin NAME, slot_type TEXT, datoid OID, database NAME, temporary BOOL, active BOOL,
        active_pid INT4, xmin XID, catalog_xmin XID, restart_lsn PG_LSN, confirmed_flush_lsn PG_LSN,
        wal_status TEXT, safe_wal_size INT8, two_phase BOOL,
    );
    view 12262 pg_stat_replication_slots (
        slot_name TEXT, spill_txns INT8, spill_count INT8, spill_bytes INT8, stream_txns INT8,
        stream_count INT8, stream_bytes INT8, total_txns INT8, total_bytes INT8, stats_reset TIMESTAMPTZ,
    );
    view 12271 pg_stat_database_conflicts (
        datid OID, datname NAME, confl_tablespace INT8, confl_lock INT8, confl_snapshot INT8,
        confl_bufferpin INT8, confl_deadlock INT8,
    );
    view 12275 pg_stat_user_functions (
        funcid OID, schemaname NAME, funcname NAME, calls INT8, total_time FLOAT8, self_time FLOAT8,
    );
    view 12280 pg_stat_xact_user_functions (
        funcid OID, schemaname NAME, funcname NAME, calls INT8, total_time FLOAT8, self_time FLOAT8,
    );
    view 12285 pg_stat_archiver (
        archived_count INT8, last_archived_wal TEXT, last_archived_time TIMESTAMPTZ, failed_count INT8,
        last_failed_wal TEXT, last_failed_time TIMESTAMPTZ, stats_reset TIMESTAMPTZ,
    );
    view 12289 pg_stat_bgwriter (
        checkpoints_timed INT8, checkpoints_req INT8, checkpoint_write_time FLOAT8, checkpoint_sync_time FLOAT8,
        buffers_checkpoint INT8, buffers_clean INT8, maxwritten_clean INT8, buffers_backend INT8,
        buffers_backend_fsync INT8, buffers_alloc INT8, stats_reset TIMESTAMPTZ,
    );
    view 12293 pg_stat_wal (
        wal_records INT8, wal_fpi INT8, wal_bytes NUMERIC, wal_buffers_full INT8, wal_write INT8, wal_sync INT8,
        wal_write_time FLOAT8, wal_sync_time FLOAT8, stats_reset TIMESTAMPTZ,
    );
    view 12297 pg_stat_progress_analyze (
        pid INT4, datid OID, datname NAME, relid OID, phase TEXT, sample_blks_total INT8,
        sample_blks_scanned INT8, ext_stats_total INT8, ext_stats_computed INT8, child_tables_total INT8,
        child_tables_done INT8, current_child_table_relid OID,
    );
    view 12302 pg_stat_progress_vacuum (
        pid INT4, datid OID, datname NAME, relid OID, phase TEXT, heap_blks_total INT8, heap_blks_scanned INT8,
        heap_blks_vacuumed INT8, index_vacuum_count INT8, max_dead_tuples INT8, num_dead_tuples INT8,
    );
    view 12307 pg_stat_progress_cluster (
        pid INT4, datid OID, datname NAME, relid OID, command TEXT, phase TEXT, cluster_index_relid OID,
        heap_tuples_scanned INT8, heap_tuples_written INT8, heap_blks_total INT8, heap_blks_scanned INT8,
        index_rebuild_count INT8,
    );
    view 12317 pg_stat_progress_basebackup (
        pid INT4, phase TEXT, backup_total INT8, backup_streamed INT8, tablespaces_total INT8,
        tablespaces_streamed INT8,
    );
    view 12322 pg_stat_progress_copy (
        pid INT4, datid OID, datname NAME, relid OID, command TEXT, type TEXT, bytes_processed INT8,
        bytes_total INT8, tuples_processed INT8, tuples_excluded INT8,
    );
    view 12327 pg_user_mappings (
        umid OID, srvid OID, srvname NAME, umuser OID, usename NAME, umoptions TEXT_ARRAY,
    );
    view 12336 pg_stat_subscription_stats (
        subid OID, subname NAME, apply_error_count INT8, sync_error_count INT8, stats_reset TIMESTAMPTZ,
    );
    table 2613 10025 pg_largeobject (
        loid OID, pageno INT4, data BYTEA,
    );
}

relations! { INFORMATION_SCHEMA, INFORMATION:
    view 13280 column_domain_usage (
        domain_catalog NAME, domain_schema NAME, domain_name NAME, table_catalog NAME, table_schema NAME,
        table_name NAME, column_name NAME,
    );
    view 13310 domain_constraints (
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, domain_catalog NAME,
        domain_schema NAME, domain_name NAME, is_deferrable VARCHAR, initially_deferred VARCHAR,
    );
    view 13245 attributes (
        udt_catalog NAME, udt_schema NAME, udt_name NAME, attribute_name NAME, ordinal_position INT4,
        attribute_default VARCHAR, is_nullable VARCHAR, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME,
        character_set_name NAME, collation_catalog NAME, collation_schema NAME, collation_name NAME,
        numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4,
        interval_type VARCHAR, interval_precision INT4, attribute_udt_catalog NAME, attribute_udt_schema NAME,
        attribute_udt_name NAME, scope_catalog NAME, scope_schema NAME, scope_name NAME,
        maximum_cardinality INT4, dtd_identifier NAME, is_derived_reference_attribute VARCHAR,
    );
    view 13255 check_constraint_routine_usage (
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, specific_catalog NAME,
        specific_schema NAME, specific_name NAME,
    );
    view 13290 column_udt_usage (
        udt_catalog NAME, udt_schema NAME, udt_name NAME, table_catalog NAME, table_schema NAME,
        table_name NAME, column_name NAME,
    );
    view 13270 collation_character_set_applicability (
        collation_catalog NAME, collation_schema NAME, collation_name NAME, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME,
    );
    view 13275 column_column_usage (
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, dependent_column NAME,
    );
    view 13315 domain_udt_usage (
        udt_catalog NAME, udt_schema NAME, udt_name NAME, domain_catalog NAME, domain_schema NAME,
        domain_name NAME,
    );
    view 13320 domains (
        domain_catalog NAME, domain_schema NAME, domain_name NAME, data_type VARCHAR,
        character_maximum_length INT4, character_octet_length INT4, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME, collation_catalog NAME, collation_schema NAME,
        collation_name NAME, numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4,
        datetime_precision INT4, interval_type VARCHAR, interval_precision INT4, domain_default VARCHAR,
        udt_catalog NAME, udt_schema NAME, udt_name NAME, scope_catalog NAME, scope_schema NAME,
        scope_name NAME, maximum_cardinality INT4, dtd_identifier NAME,
    );
    view 13334 parameters (
        specific_catalog NAME, specific_schema NAME, specific_name NAME, ordinal_position INT4,
        parameter_mode VARCHAR, is_result VARCHAR, as_locator VARCHAR, parameter_name NAME, data_type VARCHAR,
        character_maximum_length INT4, character_octet_length INT4, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME, collation_catalog NAME, collation_schema NAME,
        collation_name NAME, numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4,
        datetime_precision INT4, interval_type VARCHAR, interval_precision INT4, udt_catalog NAME,
        udt_schema NAME, udt_name NAME, scope_catalog NAME, scope_schema NAME, scope_name NAME,
        maximum_cardinality INT4, dtd_identifier NAME, parameter_default VARCHAR,
    );
    view 13348 routine_column_usage (
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME,
        routine_schema NAME, routine_name NAME, table_catalog NAME, table_schema NAME, table_name NAME,
        column_name NAME,
    );
    view 13353 routine_privileges (
        grantor NAME, grantee NAME, specific_catalog NAME, specific_schema NAME, specific_name NAME,
        routine_catalog NAME, routine_schema NAME, routine_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR,
    );
    view 13358 role_routine_grants (
        grantor NAME, grantee NAME, specific_catalog NAME, specific_schema NAME, specific_name NAME,
        routine_catalog NAME, routine_schema NAME, routine_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR,
    );
    view 13362 routine_routine_usage (
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME,
        routine_schema NAME, routine_name NAME,
    );
    view 13367 routine_sequence_usage (
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME,
        routine_schema NAME, routine_name NAME, sequence_catalog NAME, sequence_schema NAME, sequence_name NAME,
    );
    view 13372 routine_table_usage (
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME,
        routine_schema NAME, routine_name NAME, table_catalog NAME, table_schema NAME, table_name NAME,
    );
    view 13445 udt_privileges (
        grantor NAME, grantee NAME, udt_catalog NAME, udt_schema NAME, udt_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR,
    );
    view 13377 routines (
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME,
        routine_schema NAME, routine_name NAME, routine_type VARCHAR, module_catalog NAME, module_schema NAME,
        module_name NAME, udt_catalog NAME, udt_schema NAME, udt_name NAME, data_type VARCHAR,
        character_maximum_length INT4, character_octet_length INT4, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME, collation_catalog NAME, collation_schema NAME,
        collation_name NAME, numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4,
        datetime_precision INT4, interval_type VARCHAR, interval_precision INT4, type_udt_catalog NAME,
        type_udt_schema NAME, type_udt_name NAME, scope_catalog NAME, scope_schema NAME, scope_name NAME,
        maximum_cardinality INT4, dtd_identifier NAME, routine_body VARCHAR, routine_definition VARCHAR,
        external_name VARCHAR, external_language VARCHAR, parameter_style VARCHAR, is_deterministic VARCHAR,
        sql_data_access VARCHAR, is_null_call VARCHAR, sql_path VARCHAR, schema_level_routine VARCHAR,
        max_dynamic_result_sets INT4, is_user_defined_cast VARCHAR, is_implicitly_invocable VARCHAR,
        security_type VARCHAR, to_sql_specific_catalog NAME, to_sql_specific_schema NAME,
        to_sql_specific_name NAME, as_locator VARCHAR, created TIMESTAMPTZ, last_altered TIMESTAMPTZ,
        new_savepoint_level VARCHAR, is_udt_dependent VARCHAR, result_cast_from_data_type VARCHAR,
        result_cast_as_locator VARCHAR, result_cast_char_max_length INT4, result_cast_char_octet_length INT4,
        result_cast_char_set_catalog NAME, result_cast_char_set_schema NAME, result_cast_char_set_name NAME,
        result_cast_collation_catalog NAME, result_cast_collation_schema NAME, result_cast_collation_name NAME,
        result_cast_numeric_precision INT4, result_cast_numeric_precision_radix INT4,
        result_cast_numeric_scale INT4, result_cast_datetime_precision INT4, result_cast_interval_type VARCHAR,
        result_cast_interval_precision INT4, result_cast_type_udt_catalog NAME,
        result_cast_type_udt_schema NAME, result_cast_type_udt_name NAME, result_cast_scope_catalog NAME,
        result_cast_scope_schema NAME, result_cast_scope_name NAME, result_cast_maximum_cardinality INT4,
        result_cast_dtd_identifier NAME,
    );
    table 13391 13393 sql_features (
        feature_id VARCHAR null, feature_name VARCHAR null, sub_feature_id VARCHAR null,
        sub_feature_name VARCHAR null, is_supported VARCHAR null, is_verified_by VARCHAR null,
        comments VARCHAR null,
    );
    table 13396 13398 sql_implementation_info (
        implementation_info_id VARCHAR null, implementation_info_name VARCHAR null, integer_value INT4 null,
        character_value VARCHAR null, comments VARCHAR null,
    );
    table 13401 13403 sql_parts (
        feature_id VARCHAR null, feature_name VARCHAR null, is_supported VARCHAR null,
        is_verified_by VARCHAR null, comments VARCHAR null,
    );
    table 13406 13408 sql_sizing (
        sizing_id INT4 null, sizing_name VARCHAR null, supported_value INT4 null, comments VARCHAR null,
    );
    view 13430 transforms (
        udt_catalog NAME, udt_schema NAME, udt_name NAME, specific_catalog NAME, specific_schema NAME,
        specific_name NAME, group_name NAME, transform_type VARCHAR,
    );
    view 13473 view_routine_usage (
        table_catalog NAME, table_schema NAME, table_name NAME, specific_catalog NAME, specific_schema NAME,
        specific_name NAME,
    );
    view 13450 role_udt_grants (
        grantor NAME, grantee NAME, udt_catalog NAME, udt_schema NAME, udt_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR,
    );
    view 13435 triggered_update_columns (
        trigger_catalog NAME, trigger_schema NAME, trigger_name NAME, event_object_catalog NAME,
        event_object_schema NAME, event_object_table NAME, event_object_column NAME,
    );
    view 13440 triggers (
        trigger_catalog NAME, trigger_schema NAME, trigger_name NAME, event_manipulation VARCHAR,
        event_object_catalog NAME, event_object_schema NAME, event_object_table NAME, action_order INT4,
        action_condition VARCHAR, action_statement VARCHAR, action_orientation VARCHAR, action_timing VARCHAR,
        action_reference_old_table NAME, action_reference_new_table NAME, action_reference_old_row NAME,
        action_reference_new_row NAME, created TIMESTAMPTZ,
    );
    view 13488 data_type_privileges (
        object_catalog NAME, object_schema NAME, object_name NAME, object_type VARCHAR, dtd_identifier NAME,
    );
    view 13498 _pg_foreign_table_columns (
        nspname NAME, relname NAME, attname NAME, attfdwoptions TEXT_ARRAY,
    );
    view 13503 column_options (
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, option_name NAME,
        option_value VARCHAR,
    );
    view 13507 _pg_foreign_data_wrappers (
        oid OID, fdwowner OID, fdwoptions TEXT_ARRAY, foreign_data_wrapper_catalog NAME,
        foreign_data_wrapper_name NAME, authorization_identifier NAME, foreign_data_wrapper_language VARCHAR,
    );
    view 13511 foreign_data_wrapper_options (
        foreign_data_wrapper_catalog NAME, foreign_data_wrapper_name NAME, option_name NAME,
        option_value VARCHAR,
    );
    view 13515 foreign_data_wrappers (
        foreign_data_wrapper_catalog NAME, foreign_data_wrapper_name NAME, authorization_identifier NAME,
        library_name VARCHAR, foreign_data_wrapper_language VARCHAR,
    );
    view 13519 _pg_foreign_servers (
        oid OID, srvoptions TEXT_ARRAY, foreign_server_catalog NAME, foreign_server_name NAME,
        foreign_data_wrapper_catalog NAME, foreign_data_wrapper_name NAME, foreign_server_type VARCHAR,
        foreign_server_version VARCHAR, authorization_identifier NAME,
    );
    view 13524 foreign_server_options (
        foreign_server_catalog NAME, foreign_server_name NAME, option_name NAME, option_value VARCHAR,
    );
    view 13528 foreign_servers (
        foreign_server_catalog NAME, foreign_server_name NAME, foreign_data_wrapper_catalog NAME,
        foreign_data_wrapper_name NAME, foreign_server_type VARCHAR, foreign_server_version VARCHAR,
        authorization_identifier NAME,
    );
    view 13532 _pg_foreign_tables (
        foreign_table_catalog NAME, foreign_table_schema NAME, foreign_table_name NAME, ftoptions TEXT_ARRAY,
        foreign_server_catalog NAME, foreign_server_name NAME, authorization_identifier NAME,
    );
    view 13537 foreign_table_options (
        foreign_table_catalog NAME, foreign_table_schema NAME, foreign_table_name NAME, option_name NAME,
        option_value VARCHAR,
    );
    view 13541 foreign_tables (
        foreign_table_catalog NAME, foreign_table_schema NAME, foreign_table_name NAME,
        foreign_server_catalog NAME, foreign_server_name NAME,
    );
    view 13545 _pg_user_mappings (
        oid OID, umoptions TEXT_ARRAY, umuser OID, authorization_identifier NAME, foreign_server_catalog NAME,
        foreign_server_name NAME, srvowner NAME,
    );
    view 13550 user_mapping_options (
        authorization_identifier NAME, foreign_server_catalog NAME, foreign_server_name NAME, option_name NAME,
        option_value VARCHAR,
    );
    view 13555 user_mappings (
        authorization_identifier NAME, foreign_server_catalog NAME, foreign_server_name NAME,
    );
}
