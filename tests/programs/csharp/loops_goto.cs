//! flags: -optimize+
using System;

class LoopsGoto
{
    static int CountWhile(int n) { int c = 0; while (n > 0) { n /= 2; c++; } return c; }
    static int CountDo(int n) { int c = 0; do { n /= 10; c++; } while (n != 0); return c; }

    static int Nested(int n)
    {
        int sum = 0;
        for (int i = 0; i < n; i++)
            for (int j = i; j < n; j += 2)
                for (int k = n; k > j; k--)
                {
                    if ((i + j + k) % 3 == 0) continue;
                    if (k == j + 5) break;
                    sum += i * j - k;
                }
        return sum;
    }

    static string Find(int[,] grid, int wanted)
    {
        int rows = grid.GetLength(0), columns = grid.GetLength(1), i, j = 0;
        for (i = 0; i < rows; i++)
            for (j = 0; j < columns; j++)
                if (grid[i, j] == wanted)
                    goto found;
        return "none";
    found:
        return i + "," + j;
    }

    static int Irregular(int n)
    {
        int steps = 0;
        if (n % 2 == 1)
            goto odd;
    even:
        steps++;
        n /= 2;
        if (n == 0) return steps;
        if (n % 2 == 0) goto even;
    odd:
        steps += 100;
        n -= 1;
        if (n > 3) goto even;
        return steps;
    }

    static int Extremes()
    {
        int count = 0;
        for (int i = int.MaxValue - 3; i > 0; i++)
            count++;
        for (uint u = 3; u < 10; u--)
            count += 10;
        for (byte b = 250; b != 4; b++)
            count += 100;
        for (long l = long.MinValue; l < long.MinValue + 3; l++)
            count += 1000;
        for (int i = int.MinValue; i < 0; i -= -1073741824)
            count += 10000;
        return count;
    }

    static int TwoVariables(int[] a)
    {
        int best = int.MinValue, sum = 0, start = 0, from = 0, to = 0;
        for (int i = 0; i < a.Length; i++)
        {
            if (sum <= 0) { sum = a[i]; start = i; }
            else sum += a[i];
            if (sum > best) { best = sum; from = start; to = i; }
        }
        return best * 10000 + from * 100 + to;
    }

    static long Rotating()
    {
        long a = 1, b = 2, c = 3, d = 4;
        for (int i = 0; i < 100; i++)
        {
            long t = a;
            a = b;
            b = c;
            c = d;
            d = t + i;
            if ((i & 15) == 7) { t = a; a = d; d = t; }
        }
        return a * 1000000 + b * 10000 + c * 100 + d;
    }

    static bool Sieve(int n)
    {
        for (int d = 2; d * d <= n; d++)
            if (n % d == 0)
                return false;
        return n > 1;
    }

    static void Main()
    {
        Console.WriteLine(CountWhile(1000) + " " + CountWhile(0) + " " + CountDo(0) + " " + CountDo(98765));
        for (int n = 0; n < 12; n += 3)
            Console.WriteLine(Nested(n));
        int[,] grid = { { 1, 2, 3 }, { 4, 5, 6 } };
        Console.WriteLine(Find(grid, 5) + " " + Find(grid, 1) + " " + Find(grid, 9));
        for (int n = 1; n < 40; n += 6)
            Console.WriteLine(Irregular(n));
        Console.WriteLine(Extremes());
        Console.WriteLine(TwoVariables(new int[] { -2, 1, -3, 4, -1, 2, 1, -5, 4 }));
        Console.WriteLine(TwoVariables(new int[] { -3, -1, -2 }));
        Console.WriteLine(Rotating());
        int primes = 0;
        for (int i = 0; i < 5000; i++)
            if (Sieve(i))
                primes++;
        Console.WriteLine(primes);
        int x = 0;
        for (;;)
        {
            if (++x > 1000) break;
            if (x % 7 != 0) continue;
            x += x % 5;
        }
        Console.WriteLine(x);
        while (true)
        {
            do { x -= 3; } while (x % 11 != 0);
            if (x < 300) break;
        }
        Console.WriteLine(x);
        int y = 0;
        for (int i = 0, j = 100; i < j; i += 3, j -= 2, y += i ^ j) { }
        Console.WriteLine(y);
    }
}
