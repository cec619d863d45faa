# Following the cursor of the inbox: no event twice, none missed, while others
# are inserted and deleted.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(18);

$t->ready();

my $Posted = 0;

post() for 1 .. 25;

is(follow('/inbox?order=asc&limit=10'), join(',', 1 .. 25), 'ascending');
is(follow('/inbox?limit=10'), join(',', reverse 1 .. 25), 'descending');
is(follow('/inbox?limit=25'), join(',', reverse 1 .. 25), 'one page');
is(follow('/inbox?limit=1&payload.odd=1&order=asc'),
   join(',', grep { $_ % 2 } 1 .. 25), 'with a filter');

# a reader from the newest to the oldest does not see what comes meanwhile

is(follow('/inbox?limit=10', sub { post() }), join(',', reverse 1 .. 25),
   'descending with inserts');

# one that follows sees all of it

my $last = $Posted;
is(follow('/inbox?order=asc&limit=10',
          sub { $Posted == $last and map { post() } 1 .. 5 }),
   join(',', 1 .. $last + 5), 'ascending with inserts');

# deletion of what was already read, and of the event that the cursor names

my ($first) = events('/inbox?order=asc&limit=1');
my $res = $t->get('/inbox?order=asc&limit=1');
my $cursor = $res->{json}{pagination}{next_cursor};

$t->post("/inbox/$first->{event_id}/ack", undef);
is(join(',', map { $_->{payload}{n} }
        events("/inbox?order=asc&limit=3&cursor=$cursor")), '2,3,4',
   'cursor of a deleted event');

# on v1 the cursor also goes as the offset

$res = $t->get('/v1/inbox?order=asc&limit=2');
is($res->{json}{pagination}{offset}, $res->{json}{pagination}{next_cursor},
   'offset of v1 is the cursor');
is(join(',', map { $_->{payload}{n} } events(
        "/v1/inbox?order=asc&limit=2&offset=$res->{json}{pagination}{offset}")),
   '4,5', 'and is accepted as one');

# total counts all matches, wherever the page is

is($t->get("/inbox?order=asc&limit=3&cursor=$cursor")->{json}{total},
   $Posted - 1, 'total on a later page');

# a reader that has seen everything goes on when more comes

my $page = $t->get('/inbox?order=asc&limit=1000')->{json}{pagination};
is($page->{next_cursor}, undef, 'no page behind the last event');

$cursor = $page->{end_cursor};

for my $uri ('/inbox', '/v1/inbox') {
    my $json = $t->get("$uri?order=asc&cursor=$cursor")->{json};
    is(scalar @{$json->{events}}, 0, "$uri: nothing is there yet");
    is($json->{pagination}{end_cursor}, $cursor, 'which is where it stays');
    is($json->{pagination}{next_cursor}, undef, 'there is no more');
}

post();
is(join(',', map { $_->{payload}{n} }
        events("/inbox?order=asc&cursor=$cursor")), $Posted,
   'cursor behind the last event');


sub post {
    my $n = ++$Posted;
    my $odd = $n % 2;
    my $res = $t->post('/events', qq({"payload":{"n":$n,"odd":$odd}}));
    $res->{status} eq '200' or die "post: $res->{status} $res->{body}";
}


sub events {
    my ($uri) = @_;
    return @{$t->get($uri)->{json}{events} // []};
}


sub follow {
    my ($uri, $between) = @_;
    my (@seen, $cursor);

    for (1 .. 100) {
        my $json = $t->get($uri . (defined $cursor ? "&cursor=$cursor" : ''))
                     ->{json};

        push @seen, map { $_->{payload}{n} } @{$json->{events}};
        last if !$json->{pagination}{has_more};

        $cursor = $json->{pagination}{next_cursor};
        $between->() if $between;
    }

    return join ',', @seen;
}
