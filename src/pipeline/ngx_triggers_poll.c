
/*
 * Long polls: those who wait until events of an owner change.  Nothing is
 * held for them but their place in the worker's queue: the drainer counts a
 * generation up and wakes the workers that have any, and whoever waits for
 * that generation looks again.
 *
 * A poll is parked with the generation that was read before its caller
 * looked, and "polling" is set before the generation is read again, so that a
 * commit in between is seen here or its drainer sees the flag.
 */


#include "ngx_triggers_worker.h"


static ngx_uint_t ngx_triggers_poll_changed(ngx_triggers_worker_t *worker,
    ngx_triggers_poll_t *poll);
static void ngx_triggers_poll_remove(ngx_triggers_poll_t *poll);
static void ngx_triggers_polls_call(ngx_queue_t *polls);


uint64_t
ngx_triggers_poll_generation(ngx_triggers_worker_t *worker,
    ngx_str_t *user_id, ngx_uint_t any_owner)
{
    return ngx_triggers_zone_generation(worker->zone->sh, user_id, any_owner);
}


ngx_int_t
ngx_triggers_poll(ngx_triggers_worker_t *worker, ngx_triggers_poll_t *poll)
{
    ngx_triggers_slot_t  *slot;

    if (worker->wake == NULL || ngx_exiting) {
        return NGX_DECLINED;
    }

    slot = &worker->zone->sh->slots[worker->owner.slot];

    poll->worker = worker;
    ngx_queue_insert_tail(&worker->polls, &poll->queue);
    worker->npolls++;

    __atomic_store_n(&slot->polling, 1, __ATOMIC_SEQ_CST);

    if (ngx_triggers_poll_changed(worker, poll)) {
        ngx_triggers_poll_remove(poll);
        return NGX_AGAIN;
    }

    return NGX_OK;
}


void
ngx_triggers_poll_cancel(ngx_triggers_poll_t *poll)
{
    if (poll->worker) {
        ngx_triggers_poll_remove(poll);
    }
}


void
ngx_triggers_polls_wake(ngx_triggers_worker_t *worker)
{
    ngx_queue_t           changed, *q, *next;
    ngx_triggers_poll_t  *poll;

    ngx_queue_init(&changed);

    for (q = ngx_queue_head(&worker->polls);
         q != ngx_queue_sentinel(&worker->polls);
         q = next)
    {
        next = ngx_queue_next(q);
        poll = ngx_queue_data(q, ngx_triggers_poll_t, queue);

        if (ngx_triggers_poll_changed(worker, poll)) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&changed, q);
        }
    }

    ngx_triggers_polls_call(&changed);
}


void
ngx_triggers_polls_end(ngx_triggers_worker_t *worker)
{
    ngx_queue_t  all;

    if (ngx_queue_empty(&worker->polls)) {
        return;
    }

    ngx_queue_init(&all);
    ngx_queue_add(&all, &worker->polls);
    ngx_queue_init(&worker->polls);

    ngx_triggers_polls_call(&all);
}


static ngx_uint_t
ngx_triggers_poll_changed(ngx_triggers_worker_t *worker,
    ngx_triggers_poll_t *poll)
{
    return poll->generation
           != ngx_triggers_zone_generation(worker->zone->sh, &poll->user_id,
                                           poll->any_owner);
}


static void
ngx_triggers_poll_remove(ngx_triggers_poll_t *poll)
{
    ngx_triggers_worker_t  *worker;

    worker = poll->worker;
    poll->worker = NULL;
    worker->npolls--;

    ngx_queue_remove(&poll->queue);

    if (ngx_queue_empty(&worker->polls) && worker->wake) {
        __atomic_store_n(&worker->zone->sh->slots[worker->owner.slot].polling,
                         0, __ATOMIC_SEQ_CST);
    }
}


/* handlers may poll again, and cancel others of the queue */

static void
ngx_triggers_polls_call(ngx_queue_t *polls)
{
    ngx_triggers_poll_t  *poll;

    while (!ngx_queue_empty(polls)) {
        poll = ngx_queue_data(ngx_queue_head(polls), ngx_triggers_poll_t,
                              queue);

        ngx_triggers_poll_remove(poll);
        poll->handler(poll->data);
    }
}
