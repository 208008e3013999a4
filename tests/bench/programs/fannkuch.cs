// Small arrays, permuted and reversed.
using System;

static class Fannkuch
{
    static int Flips(int[] permutation, int[] work)
    {
        for (int i = 0; i < work.Length; i++) work[i] = permutation[i];
        int flips = 0;
        for (int first = work[0]; first != 0; first = work[0])
        {
            for (int low = 0, high = first; low < high; low++, high--)
            {
                int t = work[low];
                work[low] = work[high];
                work[high] = t;
            }
            flips++;
        }
        return flips;
    }

    static long Run(int n)
    {
        int[] permutation = new int[n], work = new int[n], count = new int[n];
        for (int i = 0; i < n; i++) permutation[i] = i;
        int most = 0, checksum = 0, sign = 1, r = n;
        while (true)
        {
            for (; r > 1; r--) count[r - 1] = r;
            int flips = Flips(permutation, work);
            most = Math.Max(most, flips);
            checksum += sign * flips;
            sign = -sign;
            while (true)
            {
                if (r == n) return most * 1000000L + checksum;
                int first = permutation[0];
                for (int i = 0; i < r; i++) permutation[i] = permutation[i + 1];
                permutation[r] = first;
                if (--count[r] > 0) break;
                r++;
            }
        }
    }

    static long Work() { return Run(9); }

    static int Main() { return Bench.Run("fannkuch", Work); }
}
