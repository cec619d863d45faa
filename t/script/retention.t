# Retention: events go a while after they were done, and with them all that
# belongs to them; the audit tells of them still; the file becomes smaller.
# With an archive they are in its files before they go.

use strict;
use warnings;

use IO::Uncompress::Gunzip qw( gunzip );
use JSON::PP ();
use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $Events = 600;
my $Parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

(my $config = Triggers::Nginx::default_config())
    =~ s/^ *triggers_store .*/$&\n    triggers_retention events=1s attempts=1s;/m;
(my $hour = $config) =~ s/events=1s/events=1h/;

my $t = Triggers::Nginx->new(config => $hour)->plan(26);

$t->ready();

# ids of the server's, and what the API shows of each

my @ids = create($Events);
my $kept = pop @ids;

# the file holds them when the WAL has been copied into it

ok(wait_for(sub { $t->quit(); $t->ready(); -s $t->{db} > $Events * 4000 }),
   'the database has grown');

my $res = $t->get("/v1/events/$kept");
is($res->{json}{ttl}, undef, 'a pending event stays');

my $created = entry($ids[0], 'event.created');
is($created->{timestamp}, $t->get("/v1/events/$ids[0]")->{json}{created_at},
   'the audit has an event that is there');

acknowledge(@ids);
$res = $t->get("/v1/events/$ids[0]");
like($res->{json}{ttl}, qr/^\d+$/, 'an acknowledged one has an end');
cmp_ok(abs($res->{json}{ttl} - time() - 3600), '<=', 60,
       'an hour from then on');

$t->write_config($config);
ok($t->reload(), 'reloaded with a second');

ok(wait_for(sub { ($t->get('/inbox?limit=1')->{json}{total} // 0) == 1 }),
   'all but the pending one go');
is($t->get("/v1/events/$ids[0]")->{status}, 404, 'and are no more');
is($t->get("/v1/events/$kept")->{status}, 200, 'that one is there');

is(entry($ids[0], 'event.created')->{log_id}, $created->{log_id},
   'the audit has the same entry of a removed event');
is(entry($ids[0], 'event.acknowledged')->{user_id}, 'alice',
   'who acknowledged it');
is(entry($ids[0], 'event.expired')->{details}{reason}, 'retention',
   'and why it went');

ok(wait_for(sub { -s $t->{db} < $Events * 4000 / 2 }),
   'the file becomes smaller') or diag(-s $t->{db});

$t->quit();
is(inconsistencies($t), '', 'counters agree');
is(left($t), '', 'no row is left of them');

# an archive

mkdir "$t->{dir}/archive" or die;
(my $archive = $config)
    =~ s/^ *triggers_retention.*/$&\n    triggers_archive archive;/m;

$t->write_config($archive);
$t->ready();

@ids = create($Events);
acknowledge(@ids);

ok(wait_for(sub { ($t->get('/inbox?limit=1')->{json}{total} // 0) == 1 }),
   'they go with an archive, too');

my @files = glob "$t->{dir}/archive/*";
my @lines = map { lines($_) } @files;

is(scalar(grep { !m{/main-\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}\.ndjson\.gz$} }
          @files), 0, 'names of files');
is((stat $files[0])[2] & 0777, 0600, 'nobody else may read them');
is_deeply([ sort map { $_->{event_id} } @lines ], [ sort @ids ],
          'each event is in it once');
is($lines[0]{status}, 'acknowledged', 'as the API has shown it');
is(length $lines[0]{payload}{text}, 4000, 'with its payload');
is("@{$lines[0]{context}}{qw( traceparent tracestate )}", "$Parent a=1",
   'the trace of its request');
is_deeply($lines[0]{attempts}, [], 'and its attempts');

$t->quit();
is(inconsistencies($t), '', 'counters agree');
is(left($t), '', 'no row is left of them');
is($t->sql('SELECT count(*) FROM archive'), '0', 'nothing is left to do');


sub create {
    my ($n) = @_;
    my $text = join '', map { chr(33 + rand 90) } 1 .. 4000;
    my $body = JSON::PP::encode_json({ events => [
        map { { event_type => 'order.created', payload => { text => $text } } }
        1 .. $n ] });
    my $res = $t->post('/v1/events/batch', $body, traceparent => $Parent,
                       tracestate => 'a=1');

    return map { $_->{event_id} } @{ $res->{json}{results} // [] };
}


sub acknowledge {
    $t->post('/v1/events/acknowledge/batch',
             JSON::PP::encode_json({ event_ids => [ @_ ] }));
}


sub entry {
    my ($id, $action) = @_;

    return $t->get("/v1/audit?event_id=$id&action=$action")
             ->{json}{entries}[0];
}


sub lines {
    my ($file) = @_;

    gunzip($file => \my $text) or die "$file";
    return map { JSON::PP::decode_json($_) } split /\n/, $text;
}


# rows of tables that name an event which is not there

sub left {
    my ($t) = @_;

    return join ' ', grep {
        $t->sql("SELECT count(*) FROM $_ WHERE seq NOT IN "
                . '(SELECT seq FROM events)')
    } qw( event_state inbox owner_inbox attempts deliveries delivery_queue
          ordering done );
}
