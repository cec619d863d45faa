# What Prometheus makes of the metrics: promtool finds nothing to complain of,
# a server scrapes both places until the samples show in its answers, and it has
# an answer to all that the dashboard asks.
#
# Environment: TRIGGERS_PROMETHEUS, the folder of the two programs.

use strict;
use warnings;

use IPC::Open2 qw( open2 );
use JSON::PP ();
use Test::More;
use Triggers::Monitoring;
use Triggers::Nginx;

my $bin = $ENV{TRIGGERS_PROMETHEUS}
    or plan(skip_all => 'no Prometheus: type "make test-monitoring"');

my $t = Triggers::Nginx->new(config => <<'END')->plan(15);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main   sqlite:%%DB%%            zone=16m;
    triggers_store  other  sqlite:%%DIR%%/other.db  zone=1m;
    triggers_key    "test-key"  user=alice  scopes=admin;
    triggers_deliver  http://127.0.0.1:%%PORT_NOBODY%%/  pushed  store=main;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }

        location = /status {
            triggers_status;
        }
    }
}
END

$t->ready();
$t->post('/events', '{"payload":{}}') for 1 .. 20;
$t->post('/events', '{"payload":1}');

# --- the text format ---

for my $uri ('/metrics', '/status') {
    my ($code, $output) = complaints($t->get($uri, Accept => 'text/plain'));

    is("$code $output", '0 ', "promtool about $uri");
}

# --- OpenMetrics, which the server asks for ---

$t->write('prometheus.yml', $t->expand(<<'END'));
global:
  scrape_interval: 200ms

scrape_configs:
  - job_name: api
    static_configs:
      - targets: ['127.0.0.1:%%PORT%%']
    authorization:
      credentials: test-key

  - job_name: status
    metrics_path: /status
    static_configs:
      - targets: ['127.0.0.1:%%PORT%%']
END

my $port = $t->port('_PROMETHEUS');

$t->child(sub {
    open STDOUT, '>', "$t->{dir}/prometheus.log";
    open STDERR, '>&', \*STDOUT;
    exec "$bin/prometheus", "--config.file=$t->{dir}/prometheus.yml",
         "--storage.tsdb.path=$t->{dir}/tsdb",
         "--web.listen-address=127.0.0.1:$port";
});

value('up{job="api"}', 1) or diag($t->read('prometheus.log'));
value('up{job="status"}', 1);
value('triggers_events_accepted_total{job="api"}', 20);
value('triggers_events_accepted_total{job="status",store="main"}', 20);
value('triggers_events_accepted_total{store="other"}', 0);
value('sum(triggers_requests_total{job="api",route="/events"})', 21);
value('triggers_commit_seconds_count{job="api"}', 20);
value('triggers_batch_records_bucket{job="api",le="8192.0"} > bool 0', 1);
value('histogram_quantile(0.95, triggers_ingest_seconds_bucket{job="api"}) '
      . '> bool 0', 1);

# a counter that grows is a rate

$t->post('/events', '{"payload":{}}') for 1 .. 10;
value('increase(triggers_events_accepted_total{job="api"}[1m]) > bool 0', 1);

like(join(' ', map { "$_->{labels}{job} $_->{health} $_->{lastError}" }
               @{api('targets')->{activeTargets}}),
     qr/^(?:api up  ?status up |status up  ?api up )$/, 'no errors');


# --- the dashboard ---

my @answers = map { { expr => $_, %{ query(filled($_)) } } } expressions();

is(join(', ', map { $_->{expr} } grep { $_->{status} ne 'success' } @answers),
   '', 'the dashboard: all is understood');

# its endpoint does not answer

$t->post('/events', '{"event_type":"pushed","payload":{}}') for 1 .. 3;
wait_for(sub { !empty() }, 30);
is(join("\n", empty()), '', 'the dashboard: and answered');


# Those that are asked for what is more than nothing may be empty.  A rate has an
# answer only after two scrapes.

sub empty {
    return grep { !/ > 0$/
                  && !@{ query(filled($_))->{data}{result} || [] } }
           expressions();
}


sub query {
    my ($query) = @_;
    my $res = $t->get('/api/v1/query?query=' . escape($query), port => $port);

    return $res->{json};
}


sub complaints {
    my ($res) = @_;
    my $pid = open2(my $out, my $in, "$bin/promtool check metrics 2>&1");

    print $in $res->{body};
    close $in;

    my $output = do { local $/; <$out> } // '';
    waitpid $pid, 0;

    return ($? >> 8, $output);
}


# waits until the answer to a query is one sample of that value

sub value {
    my ($query, $value) = @_;
    my $got;

    wait_for(sub {
        my $result = api('query?query=' . escape($query))->{result} || [];

        $got = @$result == 1 ? $result->[0]{value}[1] : 'nothing';
        return $got eq $value;
    }, 30);

    return is($got, $value, $query);
}


sub api {
    my ($path) = @_;
    my $res = eval { $t->get("/api/v1/$path", port => $port) } || {};

    return ($res->{json} || {})->{data} || {};
}


sub escape { shift =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger }
