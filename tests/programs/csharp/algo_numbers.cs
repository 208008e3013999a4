//! flags: -optimize+
using System;

class AlgoNumbers
{
    static int Sieve(int limit)
    {
        var composite = new bool[limit + 1];
        int count = 0;
        for (int i = 2; i <= limit; i++)
        {
            if (composite[i]) continue;
            count++;
            for (long j = (long)i * i; j <= limit; j += i)
                composite[j] = true;
        }
        return count;
    }

    static ulong MulMod(ulong a, ulong b, ulong m)
    {
        ulong r = 0;
        for (; b != 0; b >>= 1)
        {
            if ((b & 1) != 0) r = (r + a) % m;
            a = (a + a) % m;
        }
        return r;
    }

    static ulong PowMod(ulong a, ulong e, ulong m)
    {
        ulong r = 1;
        for (; e != 0; e >>= 1)
        {
            if ((e & 1) != 0) r = MulMod(r, a, m);
            a = MulMod(a, a, m);
        }
        return r;
    }

    static bool MillerRabin(ulong n)
    {
        if (n < 2) return false;
        foreach (ulong p in new ulong[] { 2, 3, 5, 7, 11, 13, 17, 19, 23 })
        {
            if (n % p == 0) return n == p;
        }
        ulong d = n - 1;
        int s = 0;
        while ((d & 1) == 0) { d >>= 1; s++; }
        foreach (ulong a in new ulong[] { 2, 3, 5, 7, 11, 13, 17 })
        {
            ulong x = PowMod(a, d, n);
            if (x == 1 || x == n - 1) continue;
            bool witness = true;
            for (int i = 1; i < s && witness; i++)
            {
                x = MulMod(x, x, n);
                if (x == n - 1) witness = false;
            }
            if (witness) return false;
        }
        return true;
    }

    static string Factor(long n)
    {
        string text = "";
        for (long p = 2; p * p <= n; p++)
            while (n % p == 0) { text += p + "*"; n /= p; }
        return text + n;
    }

    // A large number as little-endian digits of base 10^9.
    class Big
    {
        readonly uint[] digits;
        Big(uint[] d)
        {
            int n = d.Length;
            while (n > 1 && d[n - 1] == 0) n--;
            digits = new uint[n];
            Array.Copy(d, digits, n);
        }
        public Big(uint x) : this(new uint[] { x % 1000000000, x / 1000000000 }) { }
        public static Big operator +(Big a, Big b)
        {
            int n = Math.Max(a.digits.Length, b.digits.Length);
            var r = new uint[n + 1];
            uint carry = 0;
            for (int i = 0; i < n; i++)
            {
                uint s = carry + (i < a.digits.Length ? a.digits[i] : 0) + (i < b.digits.Length ? b.digits[i] : 0);
                carry = s >= 1000000000 ? 1u : 0;
                r[i] = s - carry * 1000000000;
            }
            r[n] = carry;
            return new Big(r);
        }
        public static Big operator *(Big a, Big b)
        {
            var r = new uint[a.digits.Length + b.digits.Length];
            for (int i = 0; i < a.digits.Length; i++)
            {
                ulong carry = 0;
                for (int j = 0; j < b.digits.Length || carry != 0; j++)
                {
                    ulong t = r[i + j] + carry + (j < b.digits.Length ? (ulong)a.digits[i] * b.digits[j] : 0);
                    r[i + j] = (uint)(t % 1000000000);
                    carry = t / 1000000000;
                }
            }
            return new Big(r);
        }
        public override string ToString()
        {
            string text = digits[digits.Length - 1].ToString();
            for (int i = digits.Length - 2; i >= 0; i--)
                text += digits[i].ToString().PadLeft(9, '0');
            return text;
        }
    }

    static int SquareRoot(int n)
    {
        int low = 0, high = 46341;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (middle * middle <= n) low = middle; else high = middle;
        }
        return low;
    }

    static string Roman(int n)
    {
        int[] values = { 1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1 };
        string[] names = { "M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I" };
        string text = "";
        for (int i = 0; i < values.Length; i++)
            while (n >= values[i]) { text += names[i]; n -= values[i]; }
        return text;
    }

    static void Main()
    {
        Console.WriteLine(Sieve(10) + " " + Sieve(1000) + " " + Sieve(200000));
        foreach (ulong n in new ulong[] { 1, 2, 561, 1000003, 1000000007, 3215031751, 2305843009213693951, 1000000000000000003 })
            Console.WriteLine(n + " " + MillerRabin(n));
        foreach (long n in new long[] { 1, 97, 360, 1001001001, 600851475143 })
            Console.WriteLine(n + " = " + Factor(n));
        Big factorial = new Big(1), a = new Big(0), b = new Big(1);
        for (uint i = 1; i <= 60; i++) factorial = factorial * new Big(i);
        for (int i = 0; i < 300; i++) { Big t = a + b; a = b; b = t; }
        Console.WriteLine(factorial);
        Console.WriteLine(a);
        Console.WriteLine(factorial * factorial);
        foreach (int n in new int[] { 0, 1, 15, 16, 17, 1000000, int.MaxValue })
            Console.WriteLine(SquareRoot(n));
        foreach (int n in new int[] { 1, 4, 9, 14, 1994, 2026, 3999 })
            Console.WriteLine(Roman(n));
        int perfect = 0;
        for (int n = 2; n < 3000; n++)
        {
            int sum = 1;
            for (int d = 2; d * d <= n; d++)
                if (n % d == 0) sum += d * d == n ? d : d + n / d;
            if (sum == n) { perfect++; Console.WriteLine("perfect " + n); }
        }
        Console.WriteLine(perfect);
    }
}
