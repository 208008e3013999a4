// HashSet: search through a graph of numbers, set operations.
using System.Collections.Generic;

static class Sets
{
    static long Work()
    {
        HashSet<long> seen = new HashSet<long>();
        List<long> found = new List<long>();
        found.Add(1);
        seen.Add(1);
        long sum = 0;
        for (int at = 0; at < found.Count && seen.Count < 80000; at++)
        {
            long n = found[at];
            sum += n % 1009;
            if (seen.Add(2 * n)) found.Add(2 * n);
            if (seen.Add(n / 3)) found.Add(n / 3);
            if (seen.Add(n + 7)) found.Add(n + 7);
        }
        HashSet<long> odd = new HashSet<long>();
        foreach (long n in seen) if ((n & 1) != 0) odd.Add(n);
        seen.ExceptWith(odd);
        HashSet<string> names = new HashSet<string>();
        for (int i = 0; i < 20000; i++) names.Add((i % 700).ToString());
        return sum + seen.Count * 3 + odd.Count + names.Count;
    }

    static int Main() { return Bench.Run("sets", Work); }
}
