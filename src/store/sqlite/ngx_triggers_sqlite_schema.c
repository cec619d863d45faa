
/*
 * The SQLite store: whose database a file is, and bringing one up to date.
 * Events and logs are databases of their own, each with an application_id and
 * with migrations, which are built in; user_version is the number of the last
 * one.  Each migration is one transaction, so that a kill at any point leaves
 * a database that the next open finishes.
 */


#include "ngx_triggers_sqlite.h"

#include "ngx_triggers_migrations.h"
#include "ngx_triggers_logs_migrations.h"


#define ngx_triggers_sqlite_nitems(a)  (sizeof(a) / sizeof((a)[0]))


typedef struct {
    int                              application_id;
    const ngx_triggers_migration_t  *migrations;
    ngx_uint_t                       nmigrations;
    const char                      *pragmas;
} ngx_triggers_sqlite_schema_t;


static int ngx_triggers_sqlite_migrate_step(sqlite3 *db, int application_id,
    const ngx_triggers_migration_t *migration);


#define NGX_TRIGGERS_SQLITE_PRAGMAS                                           \
    "PRAGMA wal_autocheckpoint = 0;"                                          \
    "PRAGMA journal_size_limit = 67108864;"                                   \
    "PRAGMA secure_delete = FAST;"                                            \
    "PRAGMA mmap_size = 0;"                                                   \
    "PRAGMA temp_store = MEMORY;"                                             \
    "PRAGMA foreign_keys = OFF;"                                              \
    "PRAGMA trusted_schema = OFF;"


/* in the order of ngx_triggers_sqlite_schema_e */

static const ngx_triggers_sqlite_schema_t  ngx_triggers_sqlite_schemas[] = {

    { 0x54726967,                                    /* "Trig" */
      ngx_triggers_migrations,
      ngx_triggers_sqlite_nitems(ngx_triggers_migrations),
      NGX_TRIGGERS_SQLITE_PRAGMAS
      "PRAGMA synchronous = FULL;"
      "PRAGMA cache_size = -32768" },

    /* logs may be lost with the power: only checkpoints are synced */

    { 0x54726c67,                                    /* "Trlg" */
      ngx_triggers_logs_migrations,
      ngx_triggers_sqlite_nitems(ngx_triggers_logs_migrations),
      NGX_TRIGGERS_SQLITE_PRAGMAS
      "PRAGMA synchronous = NORMAL;"
      "PRAGMA cache_size = -16384" }
};


int
ngx_triggers_sqlite_identify(sqlite3 *db, ngx_triggers_sqlite_schema_e schema,
    ngx_triggers_store_state_e *state, int64_t *version)
{
    int      rc;
    int64_t  id, tables;

    rc = ngx_triggers_sqlite_integer(db, "PRAGMA application_id", &id);
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_integer(db, "PRAGMA user_version", version);
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_integer(db, "SELECT 1 FROM sqlite_master LIMIT 1",
                                     &tables);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (id == ngx_triggers_sqlite_schemas[schema].application_id) {
        *state = (*version > ngx_triggers_sqlite_version(schema))
                 ? NGX_TRIGGERS_STORE_NEWER : NGX_TRIGGERS_STORE_READY;

    } else {
        *state = (id || *version || tables) ? NGX_TRIGGERS_STORE_FOREIGN
                                            : NGX_TRIGGERS_STORE_STARTING;
    }

    return SQLITE_OK;
}


int64_t
ngx_triggers_sqlite_version(ngx_triggers_sqlite_schema_e schema)
{
    ngx_uint_t  n;

    n = ngx_triggers_sqlite_schemas[schema].nmigrations;

    return ngx_triggers_sqlite_schemas[schema].migrations[n - 1].version;
}


/*
 * Page size and auto_vacuum hold only if they are set before the first page is
 * written.  Pages of 8 KB instead of 4 take a third of the writes away and gave
 * 3 to 4 % more events per second; larger ones gave no more.
 */

int
ngx_triggers_sqlite_configure(sqlite3 *db, ngx_triggers_sqlite_schema_e schema,
    ngx_uint_t empty)
{
    int            rc;
    sqlite3_stmt  *stmt;

    if (empty) {
        rc = sqlite3_exec(db, "PRAGMA page_size = 8192;"
                              "PRAGMA auto_vacuum = INCREMENTAL",
                          NULL, NULL, NULL);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW
        && sqlite3_stricmp((const char *) sqlite3_column_text(stmt, 0), "wal")
           != 0)
    {
        (void) sqlite3_finalize(stmt);
        return SQLITE_CANTOPEN;
    }

    rc = sqlite3_finalize(stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return sqlite3_exec(db, ngx_triggers_sqlite_schemas[schema].pragmas, NULL,
                        NULL, NULL);
}


int
ngx_triggers_sqlite_migrate(sqlite3 *db, ngx_triggers_sqlite_schema_e schema,
    int64_t version)
{
    int                              rc;
    ngx_uint_t                       i, n;
    const ngx_triggers_migration_t  *migrations;

    n = ngx_triggers_sqlite_schemas[schema].nmigrations;
    migrations = ngx_triggers_sqlite_schemas[schema].migrations;

    for (i = 0; i < n; i++) {

        if (migrations[i].version <= version) {
            continue;
        }

        rc = ngx_triggers_sqlite_migrate_step(db,
                          ngx_triggers_sqlite_schemas[schema].application_id,
                          &migrations[i]);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    return SQLITE_OK;
}


static int
ngx_triggers_sqlite_migrate_step(sqlite3 *db, int application_id,
    const ngx_triggers_migration_t *migration)
{
    int   rc;
    char  text[128];

    rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = sqlite3_exec(db, migration->text, NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }

    (void) sqlite3_snprintf(sizeof(text), text,
                            "PRAGMA application_id = %d;"
                            "PRAGMA user_version = %d;"
                            "COMMIT",
                            application_id, migration->version);

    return sqlite3_exec(db, text, NULL, NULL, NULL);
}
