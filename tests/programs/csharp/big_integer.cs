//! flags: -r:System.Numerics.dll
using System;
using System.Globalization;
using System.Numerics;

class BigIntegers
{
    static void Main()
    {
        BigInteger a = BigInteger.Parse("123456789012345678901234567890"), b = BigInteger.Pow(7, 50), c = -BigInteger.One << 100;
        foreach (BigInteger x in new[] { a, b, c, BigInteger.Zero, 42 })
            foreach (BigInteger y in new[] { a, b, c, (BigInteger)3 })
            {
                Console.WriteLine((x + y) + " " + (x - y) + " " + (x * y) + " " + (x / y) + " " + (x % y));
                Console.WriteLine((x & y) + " " + (x | y) + " " + (x ^ y) + " " + (x << 7) + " " + (x >> 5) + " " + x.CompareTo(y) + " " + BigInteger.GreatestCommonDivisor(x, y));
            }
        BigInteger f = 1;
        for (int i = 2; i <= 100; i++) f *= i;
        Console.WriteLine(f);
        Console.WriteLine(BigInteger.ModPow(3, 1000, 1000007) + " " + f.ToString("X") + " " + a.ToString("N0", CultureInfo.InvariantCulture) + " " + a.ToString("E5", CultureInfo.InvariantCulture));
        Console.WriteLine((double)b == Math.Pow(7, 50) ? "close" : "not close");
        Console.WriteLine(BitConverter.ToString(a.ToByteArray()) + " " + new BigInteger(a.ToByteArray()).Equals(a) + " " + (long)(BigInteger)long.MaxValue + " " + a.IsEven + " " + c.Sign);
        try { Console.WriteLine((int)a); } catch (OverflowException) { Console.WriteLine("overflow"); }
        try { Console.WriteLine(a / 0); } catch (DivideByZeroException) { Console.WriteLine("division by zero"); }
        Complex z = new Complex(1, 2) * new Complex(3, -1);
        Console.WriteLine(z.Real + " " + z.Imaginary);
    }
}
