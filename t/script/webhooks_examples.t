# Real input: every example payload of GitHub's webhooks, as the npm package
# @octokit/webhooks-examples has them, goes in as an event and comes back byte
# for byte.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $Package = "$Triggers::Nginx::Root/build/node_modules/"
              . '@octokit/webhooks-examples';

plan(skip_all => "$Package is missing: the npm registry was not reached by "
                 . '"make deps"') if !-d $Package;

my $t = Triggers::Nginx->new()->plan(6);

$t->ready();

my @examples = map { examples($_) } glob "$Package/*/index.json";

cmp_ok(scalar @examples, '>', 300, scalar(@examples) . ' examples');

my $sock = $t->connect();
my (@refused, @changed);

for my $example (@examples) {
    my ($name, $payload) = @$example;
    my $res = post(qq({"event_type":"github.$name","source":"github",)
                   . qq("payload":$payload}));

    if ($res->{status} ne '200') {
        push @refused, "$name: $res->{status} $res->{body}";
        next;
    }

    push @$example, $res->{json}{event_id};
}

is("@refused[0 .. (@refused > 3 ? 2 : $#refused)]", '', 'all accepted');

for my $example (@examples) {
    my ($name, $payload, $id) = @$example;
    my $body = request('GET', "/v1/events/$id")->{body};

    push @changed, "$name $id"
        if index($body, qq("payload":$payload,)) < 0;
}

is("@changed[0 .. (@changed > 3 ? 2 : $#changed)]", '', 'all come back');

my %types;
$types{"github.$_->[0]"}++ for @examples;
my ($type) = sort { $types{$b} <=> $types{$a} || $a cmp $b } keys %types;

is($t->get("/inbox?event_type=$type")->{json}{total}, $types{$type},
   "all of type $type are found");
is($t->get('/inbox?event_type=github.*&payload.action=created')
     ->{json}{total},
   scalar(grep { top_level_action($_->[1]) eq 'created' } @examples),
   'all with an action are found');
is(inconsistencies($t), '', 'counters agree');


sub post {
    my ($body) = @_;
    return request('POST', '/events', body => $body);
}


sub request {
    my ($method, $uri, %args) = @_;

    $sock = $t->connect() if !$sock || !$sock->connected;

    my $res = $t->request($method, $uri, sock => $sock, %args);

    $sock = undef if ($res->{headers}{connection} // 'close') eq 'close';

    return $res;
}


# The text of each example as it stands in the file: a list of
# { "name", …, "examples": [ … ] }, so examples are the objects at depth four
# under that name.

sub examples {
    my ($path) = @_;
    my ($depth, $start, $key, $name, @found) = (0, 0, '');

    open my $in, '<', $path or die "$path: $!";
    my $text = do { local $/; <$in> };

    while ($text =~ /\G[^"{}\[\]]*(?:"((?:[^"\\]|\\.)*+)"|([{\[])|([}\]]))/gc)
    {
        if (defined $1) {
            next if $depth != 2;
            $key = $1;
            $name = $1 if $key eq 'name' && $text =~ /\G\s*:\s*"([^"]*)"/gc;

        } elsif (defined $2) {
            $start = pos($text) - 1 if ++$depth == 4;

        } elsif ($depth-- == 4 && $key eq 'examples') {
            push @found, [$name, substr $text, $start, pos($text) - $start];
        }
    }

    return @found;
}


sub top_level_action {
    my ($payload) = @_;
    my $action = JSON::PP->new->utf8->decode($payload)->{action};
    return defined $action && !ref $action ? $action : '';
}
