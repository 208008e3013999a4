using System;

class LongArith
{
    static readonly long[] Values =
    {
        0, 1, -1, 3, -3, 1000, int.MaxValue, int.MinValue, 1L + int.MaxValue, -1L + int.MinValue, uint.MaxValue,
        123456789012345, -987654321098765, long.MaxValue, long.MinValue, 0x5555555555555555
    };

    static long Gcd(long a, long b)
    {
        while (b != 0)
        {
            long rest = a % b;
            a = b;
            b = rest;
        }
        return a < 0 ? -a : a;
    }

    static long PowerMod(long x, long exponent, long modulus)
    {
        long result = 1;
        x %= modulus;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) == 1)
                result = result * x % modulus;
            x = x * x % modulus;
        }
        return result;
    }

    static void Main()
    {
        foreach (long a in Values)
        {
            long mixed = 7;
            int order = 0;
            foreach (long b in Values)
            {
                mixed = mixed * 31 + (a + b);
                mixed = mixed * 31 + (a - b);
                mixed = mixed * 31 + a * b;
                if (b != 0 && !(a == long.MinValue && b == -1))
                    mixed = mixed * 31 + a / b + 3 * (a % b);
                mixed ^= (a & b) - (a | b) + (a ^ b);
                order = order * 2 + (a < b ? 1 : 0);
                order = order * 2 + (a >= b ? 1 : 0);
            }
            Console.WriteLine(a);
            Console.WriteLine(mixed);
            Console.WriteLine(order);
            Console.WriteLine(-a);
            Console.WriteLine(~a);
            Console.WriteLine((int)a);
            Console.WriteLine((uint)a);
            Console.WriteLine((short)a);
            Console.WriteLine((byte)a);
            Console.WriteLine(a / 10 + " " + a % 10 + " " + a / 1000000007L + " " + a % 64 + " " + a / -8);
        }
        Console.WriteLine(Gcd(1234567890123456, 9876543210));
        Console.WriteLine(Gcd(-84, 36));
        Console.WriteLine(PowerMod(3, 1000000006, 1000000007));
        Console.WriteLine(PowerMod(2, 123456789, 998244353));

        long fibonacci = 1, previous = 0;
        for (int i = 0; i < 92; i++)
        {
            long next = fibonacci + previous;
            previous = fibonacci;
            fibonacci = next;
        }
        Console.WriteLine(previous);
        Console.WriteLine(fibonacci);

        int small = -5;
        long widened = small;
        uint unsigned = 0x80000000;
        Console.WriteLine(widened);
        Console.WriteLine((long)unsigned);
        Console.WriteLine((long)(int)unsigned);
        Console.WriteLine((ulong)small);
    }
}
