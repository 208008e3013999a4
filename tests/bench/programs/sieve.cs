// Arrays: the sieve of Eratosthenes.
static class Sieve
{
    const int Limit = 2000000;
    static readonly bool[] composite = new bool[Limit];

    static long Work()
    {
        bool[] crossed = composite;
        for (int i = 0; i < crossed.Length; i++) crossed[i] = false;
        long sum = 0;
        for (int n = 2; n < crossed.Length; n++)
        {
            if (crossed[n]) continue;
            sum += n;
            if (n > 46340) continue;
            for (int multiple = n * n; multiple < crossed.Length; multiple += n) crossed[multiple] = true;
        }
        return sum;
    }

    static int Main() { return Bench.Run("sieve", Work); }
}
