
/*
 * Minutes of the history, with clocks of the test's own: when one is over, what
 * is in it, what becomes of it when whoever takes it dies, is late or cannot
 * store it, clocks that jump, and the way through the database and back.
 */


#include "unit.h"
#include "store_fixture.h"
#include "ngx_triggers_logs.h"
#include "ngx_triggers_zone.h"


#define ZONE    (4 * 1024 * 1024)

#define MINUTE  NGX_TRIGGERS_MINUTE_MS
#define T0      (FIXTURE_T0 - FIXTURE_T0 % MINUTE)

#define BOOT    5000000ull                      /* CLOCK_MONOTONIC, ms, at T0 */


typedef uint64_t  histograms_t[NGX_TRIGGERS_TIMES][NGX_TRIGGERS_BUCKETS];


static ngx_triggers_zone_sh_t  *sh;
static ngx_triggers_minute_t    minute;


/* a zone that was made ten seconds into the minute T0 */

static void
setup(void)
{
    size_t  size;

    if (sh) {
        free(sh->metrics.leader);
        free(sh->metrics.blocks);
        free(sh);
    }

    sh = calloc(1, sizeof(ngx_triggers_zone_sh_t));
    size = ngx_triggers_metrics_size(ZONE, 2);

    sh->nonce = FIXTURE_NONCE;
    ngx_triggers_metrics_init(&sh->metrics, aligned_alloc(128, size), ZONE, 2);
}


int
main(void)
{
    setup();

    return unit_done();
}
