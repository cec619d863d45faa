
# A power cut: what was written to the database and not synced is taken back,
# and everything killed in that instant.  kill -9 alone cannot tell whether the
# answers wait for the disk, since the page cache survives it.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $lib = Triggers::Nginx::library('unsynced');
my $config = Triggers::Nginx->default_config();
$config =~ s/%%GLOBALS%%/%%GLOBALS%%\nenv UNSYNCED_CONTROL;/;

my $t = Triggers::Nginx->new(config => $config)->plan(9);

my $control = $ENV{UNSYNCED_CONTROL} = "$t->{dir}/control";
my $load;

for my $sync (1, 2, 3, 50) {

    # the shim counts from the moment the number is there

    $t->write('control', '');

    {
        local $ENV{LD_PRELOAD} = $lib;
        $t->start();
    }

    wait_for(sub { $t->healthy() });

    $load = Triggers::Load->start($t, seconds => 60, connections => 64);
    wait_for(sub { $load->accepted() > 500 });

    $t->write('control', $sync);
    ok(wait_for(sub { !$t->tree() }), "the power is cut at sync $sync");
    waitpid $t->{pid}, 0;
    delete $t->{pid};
    unlink $control;

    # the database as the disk has it, without the shim

    $t->start();
    wait_for(sub { $t->healthy() });
    $load->end();

    is($load->losses(), '', 'every answered event is there once');
    $t->quit();
}

is(inconsistencies($t), '', 'counters agree');
