
/*
 * The SQLite store: reading.  A reader is a read-only connection used by one
 * thread at a time; a query is one snapshot.
 *
 * A page is a walk through the narrow tables, in the order of seq: each lane
 * of a selected status is a stream of sequence numbers, and the streams are
 * merged here.  For all owners a stream is a range of "inbox"; for one owner
 * it is a range of "owner_inbox", which ends at store.merged_through, and the
 * tail of "inbox" behind that, where rows of other owners are skipped.  The
 * event is fetched by seq, and only if a filter or the page needs it.
 *
 * created_at never goes back as seq grows, so "from" and "to" are turned into
 * bounds of seq by binary search.
 */


#include "ngx_triggers_sqlite.h"


/* the clock is read once in that many steps, a fetched event being 16 */
#define NGX_TRIGGERS_SQLITE_TICKS  64

#define NGX_TRIGGERS_SQLITE_ALL    ((1 << NGX_TRIGGERS_NSTATUS) - 1)


typedef struct {
    sqlite3_stmt          *stmt;               /* NULL: ended */
    int64_t                seq;
    ngx_uint_t             lane;
    unsigned               tail:1;             /* of "inbox" */
    unsigned               last:1;             /* no range follows */
} ngx_triggers_sqlite_stream_t;


typedef struct {
    ngx_triggers_reader_t         *reader;
    ngx_triggers_query_t          *query;
    ngx_triggers_page_t           *page;

    int64_t                        owner;      /* 0: all */
    int64_t                        merged_through;
    int64_t                        next_seq;

    /* ranges of seq, exclusive at both ends */
    int64_t                        low;        /* from and to */
    int64_t                        high;
    int64_t                        walk_low;   /* of the present walk */
    int64_t                        walk_high;

    ngx_uint_t                     lanes;      /* bits 1 << lane */
    ngx_triggers_sqlite_stream_t   streams[NGX_TRIGGERS_NLANES];

    /* takes the numbers; NULL: there is a page of events */
    ngx_int_t                    (*seq_handler)(void *data, int64_t seq);
    void                          *seq_data;

    uint64_t                       matches;
    ngx_uint_t                     rows;       /* of the page */

    unsigned                       filters:1;  /* on columns of the event */
    unsigned                       counts:1;   /* the total is in "counts" */
    unsigned                       counting:1; /* matches are the total */
    unsigned                       full:1;     /* the page has ended */
    unsigned                       only:1;     /* … and that is all */
} ngx_triggers_sqlite_walk_t;


/* ids of events that can be leased */

typedef struct {
    u_char                        *ids;
    ngx_uint_t                     n;
    ngx_uint_t                     limit;
} ngx_triggers_sqlite_candidates_t;


static ngx_int_t ngx_triggers_sqlite_reader_init(
    ngx_triggers_reader_t *reader, ngx_triggers_sqlite_schema_e schema);
static ngx_int_t ngx_triggers_sqlite_reader_accept(
    ngx_triggers_reader_t *reader, ngx_triggers_sqlite_schema_e schema);
static ngx_int_t ngx_triggers_sqlite_list(ngx_triggers_sqlite_walk_t *walk);
static ngx_uint_t ngx_triggers_sqlite_list_lanes(ngx_uint_t statuses);
static int ngx_triggers_sqlite_list_store(ngx_triggers_sqlite_walk_t *walk);
static int ngx_triggers_sqlite_list_owner(ngx_triggers_sqlite_walk_t *walk);
static int ngx_triggers_sqlite_list_bounds(ngx_triggers_sqlite_walk_t *walk);
static int ngx_triggers_sqlite_list_counts(ngx_triggers_sqlite_walk_t *walk);
static void ngx_triggers_sqlite_list_cursor(ngx_triggers_sqlite_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_list_page(
    ngx_triggers_sqlite_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_list_total(
    ngx_triggers_sqlite_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_walk(ngx_triggers_sqlite_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_walk_events(
    ngx_triggers_sqlite_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_walk_event(
    ngx_triggers_sqlite_walk_t *walk, int64_t seq);
static ngx_int_t ngx_triggers_sqlite_walk_filter(
    ngx_triggers_sqlite_walk_t *walk, int64_t seq);
static ngx_uint_t ngx_triggers_sqlite_walk_compare(
    ngx_triggers_query_t *query, sqlite3_stmt *stmt);
static ngx_int_t ngx_triggers_sqlite_walk_row(
    ngx_triggers_sqlite_walk_t *walk, int64_t seq, ngx_uint_t wanted);
static void ngx_triggers_sqlite_stream_open(ngx_triggers_sqlite_walk_t *walk,
    ngx_triggers_sqlite_stream_t *stream, ngx_uint_t tail);
static ngx_int_t ngx_triggers_sqlite_stream_next(
    ngx_triggers_sqlite_walk_t *walk, ngx_triggers_sqlite_stream_t *stream);
static ngx_int_t ngx_triggers_sqlite_candidates(
    ngx_triggers_sqlite_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_candidate(void *data,
    ngx_triggers_row_t *row);


/* of the lanes */

static const ngx_uint_t  ngx_triggers_sqlite_statuses[] = {
    NGX_TRIGGERS_ACKNOWLEDGED,
    NGX_TRIGGERS_DELIVERED,
    NGX_TRIGGERS_FAILED,
    NGX_TRIGGERS_RETRYING,
    NGX_TRIGGERS_RETRYING,
    NGX_TRIGGERS_RETRYING,
    NGX_TRIGGERS_RETRYING,
    NGX_TRIGGERS_PENDING,
    NGX_TRIGGERS_PENDING,
    NGX_TRIGGERS_PENDING,
    NGX_TRIGGERS_PENDING
};


/* in the order of ngx_triggers_sqlite_stream_e */

static const char *const  ngx_triggers_sqlite_stream_statements[] = {

    "SELECT seq, owner FROM inbox "
        "WHERE lane = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq DESC",

    "SELECT seq, owner FROM inbox "
        "WHERE lane = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq",

    "SELECT seq FROM owner_inbox WHERE owner = ?4 "
        "AND lane = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq DESC",

    "SELECT seq FROM owner_inbox WHERE owner = ?4 "
        "AND lane = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq"
};


#define NGX_TRIGGERS_SQLITE_ROW                                               \
    "SELECT e.seq, e.id, o.user_id, e.created_at, e.priority, "               \
        "e.event_type, e.source, e.correlation_id, e.source_ip, "             \
        "e.user_agent, e.api_version, e.traceparent, e.metadata, e.payload, " \
        "coalesce(s.status, 4), coalesce(s.retry_count, 0), "                 \
        "coalesce(s.updated_at, e.created_at), s.last_retry_at, "             \
        "s.delivered_at, s.acknowledged_at, s.leased_until, s.done_at, "      \
        "s.error_message, e.request_id, e.ordering_key, e.tracestate "        \
        "FROM events e JOIN owners o ON o.owner = e.owner "                   \
        "LEFT JOIN event_state s ON s.seq = e.seq "


#define NGX_TRIGGERS_SQLITE_AUDIT_ROW                                         \
    "SELECT a.at, a.n, a.owner, a.action, a.event_id, a.actor, a.source_ip, " \
        "a.request_id, a.details, "                                           \
        "(SELECT user_id FROM owners WHERE owner = a.owner) FROM audit a "

#define NGX_TRIGGERS_SQLITE_AUDIT_ORDER                                       \
    "(a.at, a.n) < (?1, ?2) AND a.at >= ?3 ORDER BY a.at DESC, a.n DESC"


/* in the order of ngx_triggers_sqlite_read_e */

static const char *const  ngx_triggers_sqlite_read_statements[] = {

    "BEGIN",

    "COMMIT",

    "SELECT next_seq, merged_through FROM store WHERE id = 1",

    "SELECT owner FROM owners WHERE user_id = ?1",

    "SELECT status, n FROM counts WHERE owner = ?1",

    "SELECT created_at FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1",

    "SELECT priority, event_type, source FROM events WHERE seq = ?1",

    NGX_TRIGGERS_SQLITE_ROW "WHERE e.seq = ?1",

    NGX_TRIGGERS_SQLITE_ROW "WHERE e.id = ?1",

    "SELECT indexed_through FROM store WHERE id = 1",

    "SELECT key_hash, event_id, created_at FROM idempotency "
        "WHERE seq > ?1 ORDER BY seq DESC",

    "SELECT k.key_hash, k.event_id, k.created_at "
        "FROM idempotency_index i JOIN idempotency k ON k.seq = i.seq "
        "WHERE i.hash = ?1 ORDER BY i.seq DESC",

    "SELECT " NGX_TRIGGERS_SQLITE_API_KEY " FROM keys WHERE key_id = ?1",

    "SELECT " NGX_TRIGGERS_SQLITE_API_KEY " FROM keys "
        "WHERE key_id < ?1 ORDER BY key_id DESC LIMIT ?2 OFFSET ?3",

    "SELECT " NGX_TRIGGERS_SQLITE_API_KEY " FROM keys "
        "WHERE user_id = ?4 AND key_id < ?1 "
        "ORDER BY key_id DESC LIMIT ?2 OFFSET ?3",

    "SELECT " NGX_TRIGGERS_SQLITE_WEBHOOK " FROM webhooks "
        "WHERE webhook_id = ?1",

    "SELECT " NGX_TRIGGERS_SQLITE_WEBHOOK " FROM webhooks "
        "WHERE webhook < ?1 ORDER BY webhook DESC LIMIT ?2 OFFSET ?3",

    "SELECT " NGX_TRIGGERS_SQLITE_WEBHOOK " FROM webhooks "
        "WHERE user_id = ?4 AND webhook < ?1 "
        "ORDER BY webhook DESC LIMIT ?2 OFFSET ?3",

    "SELECT " NGX_TRIGGERS_SQLITE_WEBHOOK " FROM webhooks "
        "WHERE webhook > 0 ORDER BY webhook",

    "SELECT q.webhook, w.webhook FROM delivery_queue q "
        "LEFT JOIN webhooks w ON w.webhook = q.webhook "
        "WHERE q.webhook > ?1 ORDER BY q.webhook LIMIT 1",

    "SELECT q.at, q.seq, d.attempts FROM delivery_queue q "
        "JOIN deliveries d ON d.seq = q.seq AND d.webhook = q.webhook "
        "WHERE q.webhook = ?1 AND (q.at, q.seq) > (?2, ?3) AND q.at <= ?4 "
        "ORDER BY q.at, q.seq LIMIT ?5",

    "SELECT at FROM delivery_queue WHERE webhook = ?1 AND at > ?2 "
        "ORDER BY at LIMIT 1",

    NGX_TRIGGERS_SQLITE_ATTEMPT "WHERE a.webhook = ?1 AND a.attempt < ?2 "
        "ORDER BY a.attempt DESC LIMIT ?3 OFFSET ?4",

    "SELECT l.lease, l.seqs, o.user_id "
        "FROM leases l LEFT JOIN owners o ON o.owner = l.owner "
        "WHERE l.lease_id = ?1",

    NGX_TRIGGERS_SQLITE_ROW "WHERE e.seq = ?1 AND s.lease = ?2",

    NGX_TRIGGERS_SQLITE_ATTEMPT "WHERE a.seq = ?1 ORDER BY a.attempt",

    NGX_TRIGGERS_SQLITE_AUDIT_ROW "WHERE "
        NGX_TRIGGERS_SQLITE_AUDIT_ORDER,

    NGX_TRIGGERS_SQLITE_AUDIT_ROW "INDEXED BY audit_owner "
        "WHERE a.owner = ?4 AND " NGX_TRIGGERS_SQLITE_AUDIT_ORDER,

    NGX_TRIGGERS_SQLITE_AUDIT_ROW "INDEXED BY audit_event "
        "WHERE a.event_id = ?4 AND " NGX_TRIGGERS_SQLITE_AUDIT_ORDER,

    NGX_TRIGGERS_SQLITE_AUDIT_ROW "INDEXED BY audit_other "
        "WHERE a.event_id IS NULL AND " NGX_TRIGGERS_SQLITE_AUDIT_ORDER,

    "SELECT seq FROM events WHERE id = ?1",

    "SELECT " NGX_TRIGGERS_SQLITE_AUDIT_DERIVED ", "
        "(SELECT user_id FROM owners WHERE owner = e.owner) "
        "FROM events e WHERE e.seq = ?1",

    "SELECT d.at, d.seq, coalesce(length(e.payload) + length(e.metadata), "
        "length(e.payload), 0) FROM done d LEFT JOIN events e ON e.seq = d.seq "
        "WHERE (d.at, d.seq) <= (?1, ?2) ORDER BY d.at, d.seq",

    "SELECT at, seq FROM done WHERE (at, seq) <= (?1, ?2) ORDER BY at, seq",

    "SELECT file, through_at, through_seq, written FROM archive WHERE id = 1"
};


ngx_triggers_reader_t *
ngx_triggers_reader_open(ngx_str_t *path, ngx_log_t *log)
{
    int                     rc;
    ngx_uint_t              i;
    ngx_triggers_reader_t  *reader;

    reader = ngx_triggers_sqlite_reader_open(path, NGX_TRIGGERS_SQLITE_EVENTS,
                                           ngx_triggers_sqlite_read_statements,
                                           NGX_TRIGGERS_SQLITE_NREAD, log);
    if (reader == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_TRIGGERS_NLANES; i++) {
        rc = ngx_triggers_sqlite_prepare(reader->db,
                                         ngx_triggers_sqlite_stream_statements,
                                         reader->streams[i],
                                         NGX_TRIGGERS_SQLITE_NSTREAM);
        if (rc != SQLITE_OK) {
            (void) ngx_triggers_sqlite_reader_error(reader, rc,
                                                    "sqlite3_prepare_v3()");
            ngx_triggers_reader_close(reader);
            return NULL;
        }
    }

    return reader;
}


ngx_triggers_reader_t *
ngx_triggers_sqlite_reader_open(ngx_str_t *path,
    ngx_triggers_sqlite_schema_e schema, const char *const *sql, ngx_uint_t n,
    ngx_log_t *log)
{
    int                     rc;
    ngx_triggers_reader_t  *reader;

    reader = ngx_calloc(sizeof(ngx_triggers_reader_t), log);
    if (reader == NULL) {
        return NULL;
    }

    reader->what = (schema == NGX_TRIGGERS_SQLITE_LOGS) ? "logs" : "store";
    reader->path = *path;
    reader->log = log;

    rc = sqlite3_open_v2((const char *) path->data, &reader->db,
                         SQLITE_OPEN_READONLY|SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        (void) ngx_triggers_sqlite_reader_error(reader, rc,
                                                "sqlite3_open_v2()");
        ngx_triggers_reader_close(reader);
        return NULL;
    }

    if (ngx_triggers_sqlite_reader_init(reader, schema) != NGX_OK) {
        ngx_triggers_reader_close(reader);
        return NULL;
    }

    rc = ngx_triggers_sqlite_prepare(reader->db, sql, reader->stmt, n);

    if (rc != SQLITE_OK) {
        (void) ngx_triggers_sqlite_reader_error(reader, rc,
                                                "sqlite3_prepare_v3()");
        ngx_triggers_reader_close(reader);
        return NULL;
    }

    return reader;
}


void
ngx_triggers_reader_close(ngx_triggers_reader_t *reader)
{
    ngx_triggers_sqlite_finalize(reader->stmt, NGX_TRIGGERS_SQLITE_NREAD);
    ngx_triggers_sqlite_finalize(&reader->streams[0][0],
                                 NGX_TRIGGERS_NLANES
                                 * NGX_TRIGGERS_SQLITE_NSTREAM);

    (void) sqlite3_close(reader->db);

    ngx_free(reader);
}


ngx_int_t
ngx_triggers_reader_list(ngx_triggers_reader_t *reader,
    ngx_triggers_query_t *query, ngx_triggers_page_t *page)
{
    ngx_int_t                   rc;
    ngx_triggers_sqlite_walk_t  walk;

    ngx_memzero(page, sizeof(ngx_triggers_page_t));
    ngx_memzero(&walk, sizeof(ngx_triggers_sqlite_walk_t));

    walk.reader = reader;
    walk.query = query;
    walk.page = page;

    rc = ngx_triggers_sqlite_reader_begin(reader, query->time_limit);

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_reader_end(reader,
                                            ngx_triggers_sqlite_list(&walk));
    }

    return rc;
}


ngx_int_t
ngx_triggers_reader_get(ngx_triggers_reader_t *reader, ngx_str_t *user_id,
    ngx_uint_t any_owner, u_char *id, ngx_triggers_row_pt handler, void *data)
{
    int                  code;
    ngx_int_t            rc;
    sqlite3_stmt        *stmt;
    ngx_triggers_row_t   row;

    if (ngx_triggers_sqlite_reader_moved(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_BY_ID];

    sqlite3_bind_blob(stmt, 1, id, NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);

    rc = NGX_DECLINED;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        ngx_triggers_sqlite_row(stmt, &row);

        if (any_owner
            || ngx_triggers_sqlite_is_owner(&row.event.user_id, user_id))
        {
            rc = handler(data, &row);
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    reader->error = SQLITE_OK;

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


/*
 * One priority after the other, each as a walk through the two lanes of what
 * is ready.
 */

ngx_int_t
ngx_triggers_reader_candidates(ngx_triggers_reader_t *reader,
    ngx_triggers_query_t *query, u_char *ids, ngx_uint_t *n)
{
    ngx_int_t                          rc;
    ngx_triggers_page_t                page;
    ngx_triggers_query_t               ready;
    ngx_triggers_sqlite_walk_t         walk;
    ngx_triggers_sqlite_candidates_t   candidates;

    *n = 0;

    candidates.ids = ids;
    candidates.n = 0;
    candidates.limit = query->limit;

    ngx_memzero(&ready, sizeof(ngx_triggers_query_t));

    ready.user_id = query->user_id;
    ready.any_owner = query->any_owner;
    ready.event_type = query->event_type;
    ready.event_type_prefix = query->event_type_prefix;
    ready.ascending = 1;
    ready.limit = query->limit;
    ready.row = ngx_triggers_sqlite_candidate;
    ready.data = &candidates;

    ngx_memzero(&page, sizeof(ngx_triggers_page_t));
    ngx_memzero(&walk, sizeof(ngx_triggers_sqlite_walk_t));

    walk.reader = reader;
    walk.query = &ready;
    walk.page = &page;

    rc = ngx_triggers_sqlite_reader_begin(reader, query->time_limit);

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_reader_end(reader,
                                       ngx_triggers_sqlite_candidates(&walk));
    }

    *n = candidates.n;

    return rc;
}


ngx_int_t
ngx_triggers_sqlite_walk_seqs(ngx_triggers_reader_t *reader,
    ngx_triggers_query_t *query,
    ngx_int_t (*handler)(void *data, int64_t seq), void *data)
{
    int                         code;
    ngx_triggers_page_t         page;
    ngx_triggers_sqlite_walk_t  walk;

    ngx_memzero(&page, sizeof(ngx_triggers_page_t));
    ngx_memzero(&walk, sizeof(ngx_triggers_sqlite_walk_t));

    walk.reader = reader;
    walk.query = query;
    walk.page = &page;
    walk.seq_handler = handler;
    walk.seq_data = data;
    walk.lanes = ngx_triggers_sqlite_list_lanes(query->statuses);

    code = ngx_triggers_sqlite_list_store(&walk);

    if (code == SQLITE_OK && !query->any_owner) {
        code = ngx_triggers_sqlite_list_owner(&walk);

        if (code == SQLITE_OK && walk.owner == 0) {
            return NGX_OK;
        }
    }

    if (code == SQLITE_OK) {
        code = ngx_triggers_sqlite_list_bounds(&walk);
    }

    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    ngx_triggers_sqlite_list_cursor(&walk);

    return ngx_triggers_sqlite_walk(&walk);
}


static ngx_int_t
ngx_triggers_sqlite_candidates(ngx_triggers_sqlite_walk_t *walk)
{
    int                                rc;
    ngx_int_t                          code;
    ngx_uint_t                         priority;
    ngx_triggers_sqlite_candidates_t  *candidates;

    candidates = walk->query->data;

    rc = ngx_triggers_sqlite_list_store(walk);

    if (rc == SQLITE_OK && !walk->query->any_owner) {
        rc = ngx_triggers_sqlite_list_owner(walk);

        if (rc == SQLITE_OK && walk->owner == 0) {
            return NGX_OK;
        }
    }

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(walk->reader, rc, "SELECT");
    }

    walk->walk_high = walk->next_seq;
    walk->filters = (walk->query->event_type.data != NULL);
    walk->only = 1;

    for (priority = NGX_TRIGGERS_PRIORITY_HIGH + 1;
         priority && candidates->n < candidates->limit;
         priority--)
    {
        walk->lanes = (ngx_uint_t) 1
                          << ngx_triggers_sqlite_lane(NGX_TRIGGERS_RETRYING,
                                                      NGX_TRIGGERS_HOLD_NONE,
                                                      priority - 1)
                      | (ngx_uint_t) 1
                          << ngx_triggers_sqlite_lane(NGX_TRIGGERS_PENDING,
                                                      NGX_TRIGGERS_HOLD_NONE,
                                                      priority - 1);

        code = ngx_triggers_sqlite_walk(walk);
        if (code != NGX_OK) {
            return code;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_candidate(void *data, ngx_triggers_row_t *row)
{
    ngx_triggers_sqlite_candidates_t *candidates = data;

    ngx_memcpy(candidates->ids + candidates->n++ * NGX_TRIGGERS_ID_LEN,
               row->event.id, NGX_TRIGGERS_ID_LEN);

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_reader_init(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_schema_e schema)
{
    int  rc;

    (void) sqlite3_extended_result_codes(reader->db, 1);
    (void) sqlite3_busy_timeout(reader->db, NGX_TRIGGERS_SQLITE_BUSY);
    (void) sqlite3_db_config(reader->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                             NULL);

    if (ngx_triggers_sqlite_reader_accept(reader, schema) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = sqlite3_exec(reader->db,
                      "PRAGMA wal_autocheckpoint = 0;"
                      "PRAGMA query_only = ON;"
                      "PRAGMA mmap_size = 0;"
                      "PRAGMA cache_size = -8192;"
                      "PRAGMA temp_store = MEMORY;"
                      "PRAGMA trusted_schema = OFF",
                      NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(reader, rc, "PRAGMA");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_reader_accept(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_schema_e schema)
{
    int                         rc;
    int64_t                     version;
    ngx_triggers_store_state_e  state;

    rc = ngx_triggers_sqlite_identify(reader->db, schema, &state, &version);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(reader, rc, "reading it");
    }

    if (state == NGX_TRIGGERS_STORE_READY
        && version == ngx_triggers_sqlite_version(schema))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, reader->log, 0,
                  "triggers %s \"%V\": cannot be read, schema version is %L "
                  "and should be %L", reader->what, &reader->path, version,
                  ngx_triggers_sqlite_version(schema));

    return NGX_ERROR;
}


ngx_int_t
ngx_triggers_sqlite_reader_error(ngx_triggers_reader_t *reader, int rc,
    const char *what)
{
    ngx_triggers_store_state_e  state;

    state = ngx_triggers_sqlite_classify(reader->db, rc);

    if (reader->error != rc) {
        reader->error = rc;

        ngx_log_error(NGX_LOG_ERR, reader->log, 0,
                      "triggers %s \"%V\": reading, %s failed (%d: %s)",
                      reader->what, &reader->path, what, rc,
                      sqlite3_errmsg(reader->db));
    }

    return (state == NGX_TRIGGERS_STORE_LOCKED) ? NGX_AGAIN : NGX_ERROR;
}


/* the old file would be read for ever */

ngx_int_t
ngx_triggers_sqlite_reader_moved(ngx_triggers_reader_t *reader)
{
    int  moved;

    moved = 0;

    (void) sqlite3_file_control(reader->db, "main", SQLITE_FCNTL_HAS_MOVED,
                                &moved);

    if (!moved) {
        return NGX_OK;
    }

    if (reader->error != SQLITE_READONLY_DBMOVED) {
        reader->error = SQLITE_READONLY_DBMOVED;

        ngx_log_error(NGX_LOG_ERR, reader->log, 0,
                      "triggers %s \"%V\": reading, the file was deleted or "
                      "replaced", reader->what, &reader->path);
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_triggers_sqlite_reader_begin(ngx_triggers_reader_t *reader,
    ngx_msec_t time_limit)
{
    int  code;

    reader->ticks = 0;
    reader->deadline = 0;

    if (time_limit) {
        reader->deadline = ngx_triggers_monotonic_ms() + time_limit;
    }

    if (ngx_triggers_sqlite_reader_moved(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    code = ngx_triggers_sqlite_exec(
                                 reader->stmt[NGX_TRIGGERS_SQLITE_READ_BEGIN]);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(reader, code, "BEGIN");
    }

    return NGX_OK;
}


ngx_int_t
ngx_triggers_sqlite_reader_end(ngx_triggers_reader_t *reader, ngx_int_t rc)
{
    int  code;

    if (!sqlite3_get_autocommit(reader->db)) {
        code = ngx_triggers_sqlite_exec(
                                   reader->stmt[NGX_TRIGGERS_SQLITE_READ_END]);
        if (code != SQLITE_OK) {
            return ngx_triggers_sqlite_reader_error(reader, code, "COMMIT");
        }
    }

    if (rc == NGX_OK) {
        reader->error = SQLITE_OK;
    }

    return rc;
}


ngx_int_t
ngx_triggers_sqlite_page(ngx_triggers_reader_t *reader, sqlite3_stmt *stmt,
    ngx_uint_t limit, ngx_triggers_sqlite_page_pt handler, void *data,
    ngx_uint_t *has_more)
{
    int         code;
    ngx_int_t   rc;
    ngx_uint_t  n;

    *has_more = 0;

    rc = ngx_triggers_sqlite_reader_moved(reader);
    code = SQLITE_DONE;

    for (n = 0; rc == NGX_OK; n++) {
        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        if (n == limit) {
            *has_more = 1;
            code = SQLITE_DONE;
            break;
        }

        code = handler(data, stmt, &rc);

        if (code != SQLITE_OK) {
            break;
        }

        code = SQLITE_DONE;
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    if (rc == NGX_OK) {
        reader->error = SQLITE_OK;
    }

    return rc;
}


ngx_int_t
ngx_triggers_sqlite_reader_time(ngx_triggers_reader_t *reader,
    ngx_uint_t ticks)
{
    reader->ticks += ticks;

    if (reader->ticks < NGX_TRIGGERS_SQLITE_TICKS) {
        return NGX_OK;
    }

    reader->ticks = 0;

    if (reader->deadline == 0
        || ngx_triggers_monotonic_ms() < reader->deadline)
    {
        return NGX_OK;
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_triggers_sqlite_list(ngx_triggers_sqlite_walk_t *walk)
{
    int                    rc;
    ngx_int_t              code;
    ngx_triggers_query_t  *query;

    query = walk->query;

    walk->lanes = ngx_triggers_sqlite_list_lanes(query->statuses);

    walk->filters = (query->priorities != 0 || query->event_type.data
                     || query->source.data);

    walk->counts = (!walk->filters && query->match == NULL
                    && query->from <= 0 && query->to == 0);

    rc = ngx_triggers_sqlite_list_store(walk);

    if (rc == SQLITE_OK && !query->any_owner) {
        rc = ngx_triggers_sqlite_list_owner(walk);

        if (rc == SQLITE_OK && walk->owner == 0) {
            return NGX_OK;
        }
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_list_bounds(walk);
    }

    if (rc == SQLITE_OK && walk->counts) {
        rc = ngx_triggers_sqlite_list_counts(walk);
    }

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(walk->reader, rc, "SELECT");
    }

    code = ngx_triggers_sqlite_list_page(walk);

    if (code != NGX_OK || walk->counts || walk->counting) {
        return code;
    }

    return ngx_triggers_sqlite_list_total(walk);
}


/* the lanes of statuses, as bits of both */

static ngx_uint_t
ngx_triggers_sqlite_list_lanes(ngx_uint_t statuses)
{
    ngx_uint_t  i, bit, lanes;

    lanes = 0;

    for (i = 0; i < NGX_TRIGGERS_NLANES; i++) {
        bit = (ngx_uint_t) 1 << ngx_triggers_sqlite_statuses[i];

        if (statuses == 0 || (statuses & bit)) {
            lanes |= (ngx_uint_t) 1 << i;
        }
    }

    return lanes;
}


static int
ngx_triggers_sqlite_list_store(ngx_triggers_sqlite_walk_t *walk)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_STORE];

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        walk->next_seq = sqlite3_column_int64(stmt, 0);
        walk->merged_through = sqlite3_column_int64(stmt, 1);
        rc = SQLITE_OK;

    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


static int
ngx_triggers_sqlite_list_owner(ngx_triggers_sqlite_walk_t *walk)
{
    int            rc;
    ngx_str_t     *user_id;
    sqlite3_stmt  *stmt;

    user_id = &walk->query->user_id;
    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_OWNER];

    sqlite3_bind_text(stmt, 1,
                      user_id->data ? (const char *) user_id->data : "",
                      (int) user_id->len, SQLITE_STATIC);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        walk->owner = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_list_bounds(ngx_triggers_sqlite_walk_t *walk)
{
    int                    rc;
    int64_t                seq;
    sqlite3_stmt          *stmt;
    ngx_triggers_query_t  *query;

    query = walk->query;
    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_TIME];

    walk->low = 0;
    walk->high = walk->next_seq;

    if (query->from > 0) {
        rc = ngx_triggers_sqlite_search(stmt, 1, walk->next_seq, query->from,
                                        &seq);
        if (rc != SQLITE_OK) {
            return rc;
        }

        walk->low = seq - 1;
    }

    if (query->to && query->to < INT64_MAX) {
        rc = ngx_triggers_sqlite_search(stmt, 1, walk->next_seq, query->to + 1,
                                        &seq);
        if (rc != SQLITE_OK) {
            return rc;
        }

        walk->high = seq;
    }

    return SQLITE_OK;
}


int
ngx_triggers_sqlite_search(sqlite3_stmt *stmt, int64_t low, int64_t high,
    int64_t at, int64_t *n)
{
    int      rc;
    int64_t  middle;

    while (low < high) {
        middle = low + (high - low) / 2;

        sqlite3_bind_int64(stmt, 1, middle);

        rc = sqlite3_step(stmt);

        if (rc == SQLITE_ROW && sqlite3_column_int64(stmt, 0) < at) {
            low = middle + 1;

        } else {
            high = middle;
        }

        (void) sqlite3_reset(stmt);

        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            return rc;
        }
    }

    *n = low;

    return SQLITE_OK;
}


static int
ngx_triggers_sqlite_list_counts(ngx_triggers_sqlite_walk_t *walk)
{
    int            rc;
    uint64_t       status;
    ngx_uint_t     statuses;
    sqlite3_stmt  *stmt;

    statuses = walk->query->statuses;

    if (statuses == 0) {
        statuses = NGX_TRIGGERS_SQLITE_ALL;
    }

    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_COUNTS];

    sqlite3_bind_int64(stmt, 1, walk->owner);

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        status = (uint64_t) sqlite3_column_int64(stmt, 0);

        if (status < NGX_TRIGGERS_NSTATUS
            && (statuses & ((ngx_uint_t) 1 << status)))
        {
            walk->page->total += (uint64_t) sqlite3_column_int64(stmt, 1);
        }
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static void
ngx_triggers_sqlite_list_cursor(ngx_triggers_sqlite_walk_t *walk)
{
    ngx_triggers_query_t  *query;

    query = walk->query;

    walk->walk_low = walk->low;
    walk->walk_high = walk->high;

    if (query->cursor && query->ascending) {
        walk->walk_low = ngx_max(walk->low, query->cursor);

    } else if (query->cursor) {
        walk->walk_high = ngx_min(walk->high, query->cursor);
    }
}


static ngx_int_t
ngx_triggers_sqlite_list_page(ngx_triggers_sqlite_walk_t *walk)
{
    ngx_int_t              rc;
    ngx_triggers_page_t   *page;
    ngx_triggers_query_t  *query;

    page = walk->page;
    query = walk->query;

    ngx_triggers_sqlite_list_cursor(walk);

    walk->counting = (!walk->counts && query->cursor == 0);

    rc = ngx_triggers_sqlite_walk(walk);

    if (rc == NGX_AGAIN && walk->full) {

        /* unless it is already known, nobody can tell */

        page->has_more = 1;
        page->total_is_capped = walk->counting;

    } else if (rc != NGX_OK) {
        return rc;
    }

    if (walk->counting) {
        page->total = ngx_min(walk->matches, NGX_TRIGGERS_TOTAL_MAX);
        page->total_is_capped |= (walk->matches > NGX_TRIGGERS_TOTAL_MAX);
    }

    return NGX_OK;
}


/* a page behind a cursor: its matches are not all */

static ngx_int_t
ngx_triggers_sqlite_list_total(ngx_triggers_sqlite_walk_t *walk)
{
    uint64_t              matches;
    ngx_int_t             rc;
    ngx_uint_t            has_more;
    ngx_triggers_page_t  *page;

    page = walk->page;

    has_more = page->has_more;
    matches = walk->matches;

    walk->walk_low = walk->low;
    walk->walk_high = walk->high;
    walk->matches = 0;
    walk->counting = 1;
    walk->full = 1;

    rc = ngx_triggers_sqlite_walk(walk);

    page->has_more = has_more;

    if (rc == NGX_AGAIN) {
        page->total_is_capped = 1;

    } else if (rc != NGX_OK) {
        return rc;
    }

    matches = ngx_max(matches, walk->matches);

    page->total = ngx_min(matches, NGX_TRIGGERS_TOTAL_MAX);
    page->total_is_capped |= (matches > NGX_TRIGGERS_TOTAL_MAX);

    return NGX_OK;
}


/* Goes through the range walk_low .. walk_high; NGX_AGAIN: no more time. */

static ngx_int_t
ngx_triggers_sqlite_walk(ngx_triggers_sqlite_walk_t *walk)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_triggers_sqlite_stream_t  *stream;

    rc = NGX_OK;

    for (i = 0; i < NGX_TRIGGERS_NLANES && rc == NGX_OK; i++) {
        stream = &walk->streams[i];

        stream->stmt = NULL;
        stream->lane = i;
        stream->last = (walk->owner == 0);

        if (walk->lanes & ((ngx_uint_t) 1 << i)) {
            ngx_triggers_sqlite_stream_open(walk, stream,
                                     walk->owner == 0
                                     || !walk->query->ascending);
            rc = ngx_triggers_sqlite_stream_next(walk, stream);
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_walk_events(walk);
    }

    for (i = 0; i < NGX_TRIGGERS_NLANES; i++) {
        if (walk->streams[i].stmt) {
            (void) sqlite3_reset(walk->streams[i].stmt);
            walk->streams[i].stmt = NULL;
        }
    }

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


/* merges the streams */

static ngx_int_t
ngx_triggers_sqlite_walk_events(ngx_triggers_sqlite_walk_t *walk)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i, ascending;
    ngx_triggers_sqlite_stream_t  *stream, *first;

    ascending = walk->query->ascending;

    for ( ;; ) {
        first = NULL;

        for (i = 0; i < NGX_TRIGGERS_NLANES; i++) {
            stream = &walk->streams[i];

            if (stream->stmt == NULL) {
                continue;
            }

            if (first == NULL
                || (ascending ? stream->seq < first->seq
                              : stream->seq > first->seq))
            {
                first = stream;
            }
        }

        if (first == NULL) {
            return NGX_OK;
        }

        rc = ngx_triggers_sqlite_walk_event(walk, first->seq);
        if (rc != NGX_OK) {
            return rc;
        }

        rc = ngx_triggers_sqlite_stream_next(walk, first);
        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* NGX_DONE: there is nothing more to learn */

static ngx_int_t
ngx_triggers_sqlite_walk_event(ngx_triggers_sqlite_walk_t *walk, int64_t seq)
{
    ngx_int_t             rc;
    ngx_uint_t            wanted;
    ngx_triggers_page_t  *page;

    page = walk->page;

    if (walk->seq_handler) {
        return walk->seq_handler(walk->seq_data, seq);
    }

    if (walk->filters) {
        rc = ngx_triggers_sqlite_walk_filter(walk, seq);
        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED) ? NGX_OK : rc;
        }
    }

    wanted = (!walk->full && walk->matches >= walk->query->offset);

    rc = NGX_OK;

    if (wanted || walk->query->match) {
        rc = ngx_triggers_sqlite_walk_row(walk, seq, wanted);

        if (rc == NGX_DECLINED) {
            return NGX_OK;
        }

        if (rc != NGX_OK && rc != NGX_DONE) {
            return rc;
        }
    }

    walk->matches++;

    if (wanted) {
        walk->rows++;
        page->last_seq = seq;
        walk->full = (rc == NGX_DONE || walk->rows >= walk->query->limit);

        if (walk->full && walk->only) {
            return NGX_DONE;
        }

    } else if (walk->full) {
        page->has_more = 1;

        if (!walk->counting || walk->matches > NGX_TRIGGERS_TOTAL_MAX) {
            return NGX_DONE;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_walk_filter(ngx_triggers_sqlite_walk_t *walk, int64_t seq)
{
    int            code;
    ngx_int_t      rc;
    sqlite3_stmt  *stmt;

    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_FILTER];

    sqlite3_bind_int64(stmt, 1, seq);

    rc = NGX_DECLINED;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW
        && ngx_triggers_sqlite_walk_compare(walk->query, stmt))
    {
        rc = NGX_OK;
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(walk->reader, code, "SELECT");
    }

    return rc;
}


static ngx_uint_t
ngx_triggers_sqlite_walk_compare(ngx_triggers_query_t *query,
    sqlite3_stmt *stmt)
{
    uint64_t   priority;
    ngx_str_t  text;

    if (query->priorities) {
        priority = (uint64_t) sqlite3_column_int64(stmt, 0);

        if (priority > NGX_TRIGGERS_PRIORITY_HIGH
            || !(query->priorities & ((ngx_uint_t) 1 << priority)))
        {
            return 0;
        }
    }

    if (query->event_type.data) {
        ngx_triggers_sqlite_column_text(stmt, 1, &text);

        if (text.data == NULL || text.len < query->event_type.len
            || (text.len > query->event_type.len && !query->event_type_prefix)
            || ngx_memcmp(text.data, query->event_type.data,
                          query->event_type.len)
               != 0)
        {
            return 0;
        }
    }

    if (query->source.data) {
        ngx_triggers_sqlite_column_text(stmt, 2, &text);

        if (text.data == NULL || text.len != query->source.len
            || ngx_memcmp(text.data, query->source.data, text.len) != 0)
        {
            return 0;
        }
    }

    return 1;
}


/* shows the event to the match handler and, if it is wanted, to the page's */

static ngx_int_t
ngx_triggers_sqlite_walk_row(ngx_triggers_sqlite_walk_t *walk, int64_t seq,
    ngx_uint_t wanted)
{
    int                    code;
    ngx_int_t              rc;
    sqlite3_stmt          *stmt;
    ngx_triggers_row_t     row;
    ngx_triggers_query_t  *query;

    query = walk->query;

    rc = ngx_triggers_sqlite_reader_time(walk->reader, 16);
    if (rc != NGX_OK) {
        return rc;
    }

    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_BY_SEQ];

    sqlite3_bind_int64(stmt, 1, seq);

    rc = NGX_DECLINED;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        ngx_triggers_sqlite_row(stmt, &row);

        rc = query->match ? query->match(query->data, &row) : NGX_OK;

        if (rc == NGX_OK && wanted) {
            rc = query->row(query->data, &row);
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(walk->reader, code, "SELECT");
    }

    return rc;
}


static void
ngx_triggers_sqlite_stream_open(ngx_triggers_sqlite_walk_t *walk,
    ngx_triggers_sqlite_stream_t *stream, ngx_uint_t tail)
{
    int64_t     low;
    ngx_uint_t  n;

    low = walk->walk_low;

    if (tail) {
        n = NGX_TRIGGERS_SQLITE_INBOX_DESC;

        if (walk->owner) {
            low = ngx_max(low, walk->merged_through);
        }

    } else {
        n = NGX_TRIGGERS_SQLITE_OWNED_DESC;
    }

    n += walk->query->ascending ? 1 : 0;

    stream->tail = tail;
    stream->stmt = walk->reader->streams[stream->lane][n];

    sqlite3_bind_int64(stream->stmt, 1, (int64_t) stream->lane);
    sqlite3_bind_int64(stream->stmt, 2, low);
    sqlite3_bind_int64(stream->stmt, 3, walk->walk_high);

    if (!tail) {
        sqlite3_bind_int64(stream->stmt, 4, walk->owner);
    }
}


static ngx_int_t
ngx_triggers_sqlite_stream_next(ngx_triggers_sqlite_walk_t *walk,
    ngx_triggers_sqlite_stream_t *stream)
{
    int        code;
    ngx_int_t  rc;

    for ( ;; ) {
        rc = ngx_triggers_sqlite_reader_time(walk->reader, 1);
        if (rc != NGX_OK) {
            return rc;
        }

        code = sqlite3_step(stream->stmt);

        if (code == SQLITE_ROW) {

            if (walk->owner == 0 || !stream->tail
                || sqlite3_column_int64(stream->stmt, 1) == walk->owner)
            {
                stream->seq = sqlite3_column_int64(stream->stmt, 0);
                return NGX_OK;
            }

            continue;
        }

        (void) sqlite3_reset(stream->stmt);

        if (code != SQLITE_DONE) {
            return ngx_triggers_sqlite_reader_error(walk->reader, code,
                                                    "SELECT");
        }

        if (stream->last) {
            stream->stmt = NULL;
            return NGX_OK;
        }

        stream->last = 1;
        ngx_triggers_sqlite_stream_open(walk, stream, !stream->tail);
    }
}


void
ngx_triggers_sqlite_row(sqlite3_stmt *stmt, ngx_triggers_row_t *row)
{
    ngx_triggers_event_t  *event;

    ngx_memzero(row, sizeof(ngx_triggers_row_t));

    event = &row->event;

    row->seq = sqlite3_column_int64(stmt, 0);

    if (sqlite3_column_bytes(stmt, 1) == NGX_TRIGGERS_ID_LEN) {
        ngx_memcpy(event->id, sqlite3_column_blob(stmt, 1),
                   NGX_TRIGGERS_ID_LEN);
    }

    ngx_triggers_sqlite_column_text(stmt, 2, &event->user_id);

    event->created_at = sqlite3_column_int64(stmt, 3);
    event->priority = (ngx_uint_t) sqlite3_column_int64(stmt, 4);

    ngx_triggers_sqlite_column_text(stmt, 5, &event->event_type);
    ngx_triggers_sqlite_column_text(stmt, 6, &event->source);
    ngx_triggers_sqlite_column_text(stmt, 7, &event->correlation_id);
    ngx_triggers_sqlite_column_text(stmt, 8, &event->source_ip);
    ngx_triggers_sqlite_column_text(stmt, 9, &event->user_agent);
    ngx_triggers_sqlite_column_text(stmt, 10, &event->api_version);
    ngx_triggers_sqlite_column_text(stmt, 11, &event->traceparent);
    ngx_triggers_sqlite_column_text(stmt, 12, &event->metadata);
    ngx_triggers_sqlite_column_text(stmt, 13, &event->payload);

    row->status = (ngx_uint_t) sqlite3_column_int64(stmt, 14);
    row->retry_count = (ngx_uint_t) sqlite3_column_int64(stmt, 15);
    row->updated_at = sqlite3_column_int64(stmt, 16);
    row->last_retry_at = sqlite3_column_int64(stmt, 17);
    row->delivered_at = sqlite3_column_int64(stmt, 18);
    row->acknowledged_at = sqlite3_column_int64(stmt, 19);
    row->leased_until = sqlite3_column_int64(stmt, 20);

    row->done_at = sqlite3_column_int64(stmt, 21);

    ngx_triggers_sqlite_column_text(stmt, 22, &row->error_message);
    ngx_triggers_sqlite_column_text(stmt, 23, &event->request_id);
    ngx_triggers_sqlite_column_text(stmt, 24, &event->ordering_key);
    ngx_triggers_sqlite_column_text(stmt, 25, &event->tracestate);
}


void
ngx_triggers_sqlite_column_text(sqlite3_stmt *stmt, int n, ngx_str_t *text)
{
    text->data = (u_char *) sqlite3_column_text(stmt, n);
    text->len = (size_t) sqlite3_column_bytes(stmt, n);
}


void
ngx_triggers_sqlite_column_blob(sqlite3_stmt *stmt, int n, ngx_str_t *blob)
{
    blob->data = (u_char *) sqlite3_column_blob(stmt, n);
    blob->len = blob->data ? (size_t) sqlite3_column_bytes(stmt, n) : 0;
}


ngx_uint_t
ngx_triggers_sqlite_is_owner(ngx_str_t *owner, ngx_str_t *user_id)
{
    return owner->len == user_id->len
           && ngx_memcmp(owner->data, user_id->data, owner->len) == 0;
}


ngx_uint_t
ngx_triggers_sqlite_equal(ngx_str_t *a, ngx_str_t *b)
{
    if (a->data == NULL || b->data == NULL) {
        return a->data == b->data;
    }

    return ngx_triggers_sqlite_is_owner(a, b);
}
