
/*
 * The event loop's side of the deliverer: when its thread runs, and how its
 * outcomes reach the store.  They are submitted in batches, of which few are
 * under way at once, so that they grow with the load; what finds no room in
 * the ring stays where it is and is submitted by the next wake-up or tick.
 */


#include "ngx_triggers_worker.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_push.h"


#define NGX_TRIGGERS_OUTCOME_BATCH    128      /* outcomes in one */
#define NGX_TRIGGERS_OUTCOME_BATCHES  4        /* under way at once */

/*
 * The ring loses nothing: it is waited for until the process ends.  Were it
 * given up earlier, what waits there would be sent again.
 */

#define NGX_TRIGGERS_OUTCOME_TIMEOUT  (24 * 3600 * 1000)       /* ms */


/* one batch, or a place for one */

typedef struct {
    ngx_triggers_outcomes_t  *outcomes;
    ngx_triggers_waiter_t   *waiter;           /* NULL: free */
    ngx_queue_t              pushes;
    u_char                   codes[NGX_TRIGGERS_OUTCOME_BATCH];
} ngx_triggers_outcome_batch_t;


struct ngx_triggers_outcomes_s {
    ngx_triggers_worker_t   *worker;
    ngx_triggers_deliverer_t  *deliverer;
    ngx_uint_t               nbatches;         /* under way */
    ngx_uint_t               size;             /* outcomes that fit into one */
    ngx_uint_t               resigned;         /* flag: nobody waits */
    ngx_triggers_outcome_batch_t
                             batches[NGX_TRIGGERS_OUTCOME_BATCHES];
    ngx_triggers_mutation_t  mutations[NGX_TRIGGERS_OUTCOME_BATCH];
};


static void ngx_triggers_outcomes_flush(ngx_triggers_outcomes_t *outcomes);
static ngx_triggers_outcome_batch_t *ngx_triggers_outcomes_free_batch(
    ngx_triggers_outcomes_t *outcomes);
static ngx_int_t ngx_triggers_outcomes_submit(
    ngx_triggers_outcomes_t *outcomes, ngx_triggers_outcome_batch_t *batch);
static ngx_uint_t ngx_triggers_outcomes_take(
    ngx_triggers_outcomes_t *outcomes, ngx_triggers_outcome_batch_t *batch);
static void ngx_triggers_outcomes_mutation(ngx_triggers_mutation_t *mutation,
    ngx_triggers_push_t *push);
static void ngx_triggers_outcomes_return(ngx_triggers_deliverer_t *d,
    ngx_triggers_outcome_batch_t *batch);
static void ngx_triggers_outcomes_handler(void *data, ngx_int_t rc,
    ngx_triggers_result_t *result);


/* with the first leadership, before the drainer runs */

ngx_int_t
ngx_triggers_delivery_prepare(ngx_triggers_worker_t *worker)
{
    ngx_uint_t                i;
    ngx_triggers_outcomes_t  *outcomes;

    outcomes = ngx_calloc(sizeof(ngx_triggers_outcomes_t), worker->log);
    if (outcomes == NULL) {
        return NGX_ERROR;
    }

    outcomes->deliverer = ngx_triggers_deliverer_create(worker->zone,
                                     &worker->deliverer_conf, &worker->owner,
                                     worker->wake->fd, worker->log);
    if (outcomes->deliverer == NULL) {
        ngx_free(outcomes);
        return NGX_ERROR;
    }

    outcomes->worker = worker;
    outcomes->size = NGX_TRIGGERS_OUTCOME_BATCH;

    for (i = 0; i < NGX_TRIGGERS_OUTCOME_BATCHES; i++) {
        outcomes->batches[i].outcomes = outcomes;
        ngx_queue_init(&outcomes->batches[i].pushes);
    }

    worker->outcomes = outcomes;
    worker->deliverer = outcomes->deliverer;

    return NGX_OK;
}


/* submits what there is */

void
ngx_triggers_delivery_look(ngx_triggers_worker_t *worker)
{
    ngx_triggers_outcomes_t       *outcomes;
    ngx_triggers_outcome_batch_t  *batch;

    outcomes = worker->outcomes;

    if (outcomes == NULL) {
        return;
    }

    if (outcomes->resigned) {
        ngx_triggers_outcomes_flush(outcomes);
        return;
    }

    for ( ;; ) {
        batch = ngx_triggers_outcomes_free_batch(outcomes);

        if (batch == NULL
            || ngx_triggers_outcomes_submit(outcomes, batch) != NGX_OK)
        {
            return;
        }
    }
}


/*
 * The worker is to lead no more.  Nobody waits any longer for what is in the
 * ring: that would keep the process, and the next leader commits it.
 */

void
ngx_triggers_delivery_resign(ngx_triggers_worker_t *worker)
{
    ngx_uint_t                     i;
    ngx_triggers_outcome_batch_t  *batch;

    if (worker->outcomes == NULL || worker->outcomes->resigned) {
        return;
    }

    worker->outcomes->resigned = 1;
    ngx_triggers_deliverer_stop(worker->deliverer);

    for (i = 0; i < NGX_TRIGGERS_OUTCOME_BATCHES; i++) {
        batch = &worker->outcomes->batches[i];

        if (batch->waiter) {
            ngx_triggers_waiter_abandon(batch->waiter);
            batch->waiter = NULL;
        }
    }
}


/*
 * At the end of the process: what has come back since, is submitted, and
 * committed with what else is in the ring.
 */

void
ngx_triggers_delivery_exit(ngx_triggers_worker_t *worker)
{
    if (worker->outcomes == NULL) {
        return;
    }

    ngx_triggers_delivery_resign(worker);
    ngx_triggers_deliverer_join(worker->deliverer);

    ngx_triggers_outcomes_flush(worker->outcomes);
}


/* submits what there is, and does not wait for it */

static void
ngx_triggers_outcomes_flush(ngx_triggers_outcomes_t *outcomes)
{
    ngx_triggers_batch_t           b;
    ngx_triggers_outcome_batch_t  *batch;

    batch = &outcomes->batches[0];

    b.mutations = outcomes->mutations;
    b.codes = NULL;

    for ( ;; ) {
        b.n = ngx_triggers_outcomes_take(outcomes, batch);

        if (b.n == 0) {
            return;
        }

        if (ngx_triggers_submit(outcomes->worker, &b, NULL, NULL, 0, NULL)
            != NGX_OK)
        {
            ngx_triggers_outcomes_return(outcomes->deliverer, batch);
            return;
        }
    }
}


static ngx_triggers_outcome_batch_t *
ngx_triggers_outcomes_free_batch(ngx_triggers_outcomes_t *outcomes)
{
    ngx_uint_t  i;

    if (outcomes->nbatches == NGX_TRIGGERS_OUTCOME_BATCHES) {
        return NULL;
    }

    for (i = 0; i < NGX_TRIGGERS_OUTCOME_BATCHES; i++) {
        if (outcomes->batches[i].waiter == NULL) {
            return &outcomes->batches[i];
        }
    }

    return NULL;
}


/* NGX_OK: there may be more */

static ngx_int_t
ngx_triggers_outcomes_submit(ngx_triggers_outcomes_t *outcomes,
    ngx_triggers_outcome_batch_t *batch)
{
    ngx_int_t              rc;
    ngx_triggers_batch_t   b;

    b.mutations = outcomes->mutations;
    b.n = ngx_triggers_outcomes_take(outcomes, batch);
    b.codes = batch->codes;

    if (b.n == 0) {
        return NGX_DONE;
    }

    rc = ngx_triggers_submit(outcomes->worker, &b,
                             ngx_triggers_outcomes_handler, batch,
                             NGX_TRIGGERS_OUTCOME_TIMEOUT, &batch->waiter);

    if (rc == NGX_OK) {
        outcomes->nbatches++;
        return NGX_OK;
    }

    ngx_triggers_outcomes_return(outcomes->deliverer, batch);

    if (rc == NGX_DECLINED && outcomes->size > 1) {

        /* the zone is too small for batches of that size */

        outcomes->size /= 2;
        return NGX_OK;
    }

    return rc;
}


static ngx_uint_t
ngx_triggers_outcomes_take(ngx_triggers_outcomes_t *outcomes,
    ngx_triggers_outcome_batch_t *batch)
{
    ngx_uint_t                 n;
    ngx_queue_t               *q;
    ngx_triggers_push_t       *push;
    ngx_triggers_deliverer_t  *d;

    d = outcomes->deliverer;
    ngx_queue_init(&batch->pushes);

    (void) pthread_mutex_lock(&d->mutex);

    for (n = 0; n < outcomes->size && !ngx_queue_empty(&d->outcomes); n++) {
        q = ngx_queue_head(&d->outcomes);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&batch->pushes, q);
    }

    (void) pthread_mutex_unlock(&d->mutex);

    n = 0;

    for (q = ngx_queue_head(&batch->pushes);
         q != ngx_queue_sentinel(&batch->pushes);
         q = ngx_queue_next(q))
    {
        push = ngx_queue_data(q, ngx_triggers_push_t, queue);
        ngx_triggers_outcomes_mutation(&outcomes->mutations[n++], push);
    }

    return n;
}


static void
ngx_triggers_outcomes_mutation(ngx_triggers_mutation_t *mutation,
    ngx_triggers_push_t *push)
{
    ngx_memzero(mutation, sizeof(ngx_triggers_mutation_t));

    mutation->op = NGX_TRIGGERS_OP_DELIVERY;
    mutation->user_id = push->user_id;
    mutation->time = ngx_triggers_wall_ms();
    mutation->delivery = &push->delivery;

    ngx_memcpy(mutation->id, push->id, NGX_TRIGGERS_ID_LEN);
}


/* before those that have come meanwhile */

static void
ngx_triggers_outcomes_return(ngx_triggers_deliverer_t *d,
    ngx_triggers_outcome_batch_t *batch)
{
    (void) pthread_mutex_lock(&d->mutex);

    if (!ngx_queue_empty(&d->outcomes)) {
        ngx_queue_add(&batch->pushes, &d->outcomes);
        ngx_queue_init(&d->outcomes);
    }

    ngx_queue_add(&d->outcomes, &batch->pushes);

    (void) pthread_mutex_unlock(&d->mutex);

    ngx_queue_init(&batch->pushes);
}


/* rc is NGX_ERROR where it is not known whether they have been committed */

static void
ngx_triggers_outcomes_handler(void *data, ngx_int_t rc,
    ngx_triggers_result_t *result)
{
    ngx_triggers_outcome_batch_t *batch = data;

    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_triggers_push_t       *push;
    ngx_triggers_deliverer_t  *d;

    i = 0;
    d = batch->outcomes->deliverer;

    for (q = ngx_queue_head(&batch->pushes);
         q != ngx_queue_sentinel(&batch->pushes);
         q = ngx_queue_next(q))
    {
        push = ngx_queue_data(q, ngx_triggers_push_t, queue);
        push->rc = (rc == NGX_OK) ? batch->codes[i++]
                                  : NGX_TRIGGERS_RC_FAILED;
    }

    (void) pthread_mutex_lock(&d->mutex);

    if (!ngx_queue_empty(&batch->pushes)) {
        ngx_queue_add(&d->committed, &batch->pushes);
    }

    (void) pthread_mutex_unlock(&d->mutex);

    ngx_queue_init(&batch->pushes);
    batch->waiter = NULL;
    batch->outcomes->nbatches--;

    ngx_triggers_sender_wake(d->sender);
    ngx_triggers_delivery_look(batch->outcomes->worker);
}
