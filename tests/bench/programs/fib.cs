// Recursion: calls with one argument.
static class Fib
{
    static int Number(int n) { return n < 2 ? n : Number(n - 1) + Number(n - 2); }

    static long Work() { return Number(32); }

    static int Main() { return Bench.Run("fib", Work); }
}
