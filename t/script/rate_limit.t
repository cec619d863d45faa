# One key is used by many connections on several workers: no more requests
# pass than its limit says, and none is refused too early.  The bucket is the
# same after a reload, also with another limit.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( time );
use Triggers::Nginx;

my $Limit = 30;

my $Config = <<'END';
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice;
    triggers_key    "many"      user=alice  rate=30;
    triggers_key    "batches"   user=alice  rate=30;
    triggers_key    "changed"   user=alice  rate=30;

    server {
        listen  127.0.0.1:%%PORT%%  reuseport;

        location / {
            triggers main;
        }
    }
}
END

my $t = Triggers::Nginx->new(workers => 4, config => $Config)->plan(19);

$t->ready();

# 200 requests at once, of which each second one has a body

my $began = time();
my @answers = at_once(map {
    $_ % 2 ? Triggers::Nginx::text('GET', '/inbox?limit=1', key => 'many')
           : Triggers::Nginx::text('POST', '/events', key => 'many',
                                   body => '{"payload":{}}')
} 1 .. 200);

my $passed = grep { $_->{status} eq '200' } @answers;

is(join(',', unique(map { $_->{status} } @answers)), '200,429',
   'requests pass or are refused');
within($passed, $Limit, $began, 'as many pass as the limit says');

# one request after the other took one; workers that read the clock in another
# order than they took may tell of one more or less

my %left;
$left{$_->{headers}{'x-ratelimit-remaining'}}++
    for grep { $_->{status} eq '200' } @answers;

cmp_ok(scalar(grep { !exists $left{$_} } 1 .. $Limit - 1), '<=', 3,
       'tokens are taken one by one');

my @refused = grep { $_->{status} eq '429' } @answers;

is(join(',', unique(map {
       $_->{headers}{'retry-after'} // 'none'
   } @refused)), join(',', unique(map {
       $_->{json}{error}{details}{retry_after}
   } @refused)), 'Retry-After is that of the body');
is(scalar(grep { $_->{headers}{'retry-after'} !~ /^[12]$/ } @refused), 0,
   'a token is due within two seconds');

# whoever waits that long gets what was promised

ok(wait_for(sub {
       $t->get('/inbox?limit=1', key => 'many')->{status} eq '200'
   }), 'and comes');

# the reset is told as a time and as a distance

my $now = time();
my $res = $t->get('/inbox?limit=1', key => 'many');
my ($rest) = $res->{headers}{ratelimit} =~ /^"default";r=\d+;t=(\d+)$/;

my $at = $res->{headers}{'x-ratelimit-reset'} - $rest;

ok($at > $now - 3 && $at < time() + 3, 'the reset is in so many seconds');
cmp_ok($rest, '<=', 60, 'a bucket is full after a minute');

# batches take as many as they have events

$began = time();
@answers = at_once((Triggers::Nginx::text('POST', '/v1/events/batch',
                        key => 'batches', body => batch(5))) x 40);

$passed = grep { $_->{status} eq '201' } @answers;

within(5 * $passed, $Limit, $began, 'batches are counted by their events');
is(scalar(grep { $_->{status} eq '201' && $_->{json}{success_count} == 5 }
          @answers), $passed, 'each is stored whole');
is($t->sql("SELECT count(*) FROM events WHERE event_type = 'b'"), 5 * $passed,
   'those that were refused are not');

# a reload keeps what was used

my $start = time();
is(join(',', unique(map {
       $t->get('/inbox?limit=1', key => 'changed')->{status}
   } 1 .. $Limit - 5)), '200', 'tokens are used');

ok($t->reload(), 'reloaded');

$res = $t->get('/inbox?limit=1', key => 'changed');

within($Limit - 1 - $res->{headers}{'x-ratelimit-remaining'}, $Limit - 5,
       $start, 'they are used after it too', -1);

# three quarters of a bucket are used, whichever size it has

write_limit(300);

ok($t->reload(), 'reloaded with another limit');

$res = $t->get('/inbox?limit=1', key => 'changed');

is($res->{headers}{'x-ratelimit-limit'}, 300, 'the limit is another');
cmp_ok($res->{headers}{'x-ratelimit-remaining'}, '<',
       60 + (time() - $start) * 5, 'the share that is left is the same');

write_limit(0);
$t->reload();

$res = $t->get('/inbox?limit=1', key => 'changed');

is(join(',', $res->{status}, grep { /ratelimit/ } keys %{$res->{headers}}),
   '200', 'without a limit nothing is counted');

write_limit(30);
$t->reload();

$res = $t->get('/inbox?limit=1', key => 'changed');

cmp_ok($res->{headers}{'x-ratelimit-remaining'}, '<',
       6 + (time() - $start) / 2, 'and what was used is still known');


# sends all, each on a connection of its own, and reads the answers

sub at_once {
    my @socks = map { $t->connect() } @_;

    print {$socks[$_]} $_[$_] for 0 .. $#socks;
    $_->flush for @socks;

    return map { http_end($_) } @socks;
}


# used is the limit, and what has come back since then at most

sub within {
    my ($used, $limit, $since, $name, $sign) = @_;
    my $back = int((time() - $since) * $Limit / 60);
    my ($least, $most) = ($sign // 1) > 0 ? ($limit, $limit + $back)
                                          : ($limit - $back, $limit);

    ok($used >= $least && $used <= $most, $name)
        or diag("$used are not within $least and $most");
}


sub unique {
    my %seen;
    return sort grep { !$seen{$_}++ } @_;
}


sub batch {
    my ($n) = @_;
    return '{"events":[' . join(',', ('{"event_type":"b","payload":{}}') x $n)
           . ']}';
}


sub write_limit {
    my ($limit) = @_;
    (my $config = $Config) =~ s/("changed" .*rate=)30/$1$limit/;
    $t->write_config($config);
}
