# The archive under kill -9: the whole tree is killed again and again while
# events are stored, acknowledged, written to files and removed.  In the end
# every event that was acknowledged is in exactly one file, once, and none is
# in a file and in the database.  And with a full disk: the events stay.

use strict;
use warnings;

use File::Temp qw( tempdir );
use IO::Uncompress::Gunzip qw( gunzip );
use JSON::PP ();
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $Rounds = 6;

# a disk that can be made full, or a directory that is not there

my $disk = tempdir('triggers-archive-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $mounted = system("mount -t tmpfs -o size=64m tmpfs $disk 2>/dev/null")
              == 0;
my $dir = "$disk/files";

(my $config = Triggers::Nginx::default_config())
    =~ s/^ *triggers_store .*/$&
    triggers_retention  events=1s;
    triggers_archive    $dir;/m;

my $t = Triggers::Nginx->new(config => $config)->plan(10);

mkdir $dir;
$t->ready();

my $client = $t->child(\&client);
my $killed = 0;

for (1 .. $Rounds) {
    my $before = files();

    wait_for(sub { files() > $before }) or last;
    sleep rand 0.3;
    $t->kill9();
    $killed++;
    $t->start();
}

is($killed, $Rounds, 'files are written, killed meanwhile');

$t->write('stop', '');
waitpid $client, 0;
wait_for(sub { $t->healthy() });

ok(wait_for(sub { done() == 0 }), 'what was acknowledged goes');

my (%seen, @wrong);
$seen{$_}++ for map { lines($_) } glob "$dir/*";

my %there = map { $_ => 1 } ids();
my @acknowledged = split /\n/, $t->read('acknowledged');

cmp_ok(scalar(@acknowledged), '>', 100, 'there were some');
is(scalar(grep { !$seen{$_} } @acknowledged), 0, 'all of them are in files');
is(scalar(grep { $seen{$_} > 1 } keys %seen), 0, 'none is there twice');
is(scalar(grep { $there{$_} } keys %seen), 0,
   'none is in a file and in the database');
is(scalar(grep { /\.tmp$/ } glob "$dir/*"), 0, 'no unfinished file is left');

# nowhere to write to

unlink glob "$dir/*";

if ($mounted) {
    system("dd if=/dev/zero of=$disk/full bs=64k 2>/dev/null");

} else {
    rmdir $dir;
}

round(20);

ok(wait_for(sub { $t->read('error.log')
                  =~ /archive in "\Q$dir\E", .* failed, the events are kept/ }),
   'a full disk is logged');
is(done(), 20, 'and the events stay');

unlink "$disk/full";
mkdir $dir;

ok(wait_for(sub { done() == 0 }), 'until there is room');

$t->quit();


# stores and acknowledges events until it is told to stop

sub client {
    while (!-e "$t->{dir}/stop") {
        eval { round(10); 1 } or sleep 0.02;
    }
}


sub round {
    my ($n) = @_;
    my $text = join '', map { chr(35 + rand 50) } 1 .. 500;
    my $body = JSON::PP::encode_json({
        events => [ map { { event_type => 'a', payload => { text => $text } } }
                    1 .. $n ] });
    my $res = $t->post('/v1/events/batch', $body);

    die 'no answer' if $res->{status} !~ /^20/;

    my @ids = map { $_->{event_id} } @{ $res->{json}{results} };
    $res = $t->post('/v1/events/acknowledge/batch',
                    JSON::PP::encode_json({ event_ids => \@ids }));

    return if $res->{status} ne '200';

    open my $out, '>>', "$t->{dir}/acknowledged";
    print $out map { "$_\n" } @ids;
}


# events that are done, as the inbox counts them

sub done {
    my $res = $t->get('/inbox?status=acknowledged&limit=1');

    return $res->{json}{total} // -1;
}


sub files { return scalar(() = glob "$dir/*.gz") }


sub ids {
    return $t->sql("SELECT lower(substr(hex(id), 1, 8) || '-' || "
                   . "substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) "
                   . "|| '-' || substr(hex(id), 17, 4) || '-' || "
                   . 'substr(hex(id), 21)) FROM events');
}


sub lines {
    my ($file) = @_;

    gunzip($file => \my $text) or return;
    return map { JSON::PP::decode_json($_)->{event_id} } split /\n/, $text;
}


END {
    my $status = $?;
    undef $t;
    system("umount $disk 2>/dev/null") if $mounted;
    $? = $status;
}
