// Recursion: deep, with calls in tail position.
static class Ackermann
{
    static int A(int m, int n)
    {
        if (m == 0) return n + 1;
        if (n == 0) return A(m - 1, 1);
        return A(m - 1, A(m, n - 1));
    }

    static long Work() { return A(2, 1500) + A(3, 7); }

    static int Main() { return Bench.Run("ackermann", Work); }
}
