// Integer loop with branches that cannot be predicted: 64 bits, shifts, no memory.
static class Collatz
{
    static long Work()
    {
        long total = 0;
        for (int start = 1; start < 100000; start++)
        {
            long n = start;
            int steps = 0;
            while (n != 1)
            {
                n = (n & 1) == 0 ? n >> 1 : 3 * n + 1;
                steps++;
            }
            total += steps;
        }
        return total;
    }

    static int Main() { return Bench.Run("collatz", Work); }
}
