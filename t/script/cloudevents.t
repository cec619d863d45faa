# CloudEvents as others make and read them: the npm package "cloudevents"
# posts them in the three modes of HTTP and reads them back.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(21);

$t->ready();

$ENV{NODE_PATH} = "$Triggers::Nginx::Root/build/node_modules";

my @cmd = ('node', "$Triggers::Nginx::Root/t/tools/cloudevents.js",
           'http://127.0.0.1:' . $t->port(), $Triggers::Nginx::Key);

open my $out, '-|', @cmd or die "node: $!";

while (my $line = <$out>) {
    chomp $line;

    if ($line =~ /^(not )?ok (.+)/) {
        ok(!$1, $2);

    } else {
        diag($line);
    }
}

ok(close $out, 'node ends well');
