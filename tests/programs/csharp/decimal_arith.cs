using System;
using System.Globalization;

// Decimal arithmetic: scale, rounding, overflow, bits.
class DecimalArith
{
    static string S(decimal d) { return d.ToString(CultureInfo.InvariantCulture); }
    static void Try(Func<decimal> f) { try { Console.Write(S(f()) + " "); } catch (Exception e) { Console.Write(e.GetType().Name + " "); } }

    static void Main()
    {
        decimal[] v = { 0m, 1m, -1m, 0.1m, 3m, 1.10m, -2.5m, 1234567890.123456789m, decimal.MaxValue, decimal.MinValue, 0.0000000000000000000000000001m, 7922816251426433759354395033.5m };
        foreach (decimal a in v)
        {
            foreach (decimal b in v) { Try(() => a + b); Try(() => a - b); Try(() => a * b); Try(() => a / b); Try(() => a % b); Console.Write(a.CompareTo(b) + " "); }
            Console.WriteLine();
        }
        foreach (decimal a in v)
        {
            Console.Write(S(decimal.Floor(a)) + " " + S(decimal.Ceiling(a)) + " " + S(decimal.Truncate(a)) + " " + S(decimal.Negate(a)) + " ");
            for (int d = 0; d < 5; d++) Console.Write(S(decimal.Round(a, d)) + " " + S(decimal.Round(a, d, MidpointRounding.AwayFromZero)) + " ");
            Console.WriteLine(string.Join(",", decimal.GetBits(a)) + " " + a.GetHashCode());
        }
        Console.WriteLine(S(new decimal(1, 2, 3, true, 5)) + " " + S(new decimal(1.1)) + " " + S(new decimal(3.3f)) + " " + S((decimal)1e15) + " " + S((decimal)0.1f));
        foreach (decimal a in new[] { 1.5m, -1.5m, 255m, 256m, 1e18m, 1e19m }) { Try(() => (int)a); Try(() => (byte)a); Try(() => (long)a); Try(() => (ulong)a); Console.Write(((double)a).ToString(CultureInfo.InvariantCulture) + " "); }
        Console.WriteLine();
        decimal sum = 0, term = 1;
        for (int i = 1; i < 27; i++) { sum += term; term /= i; }
        Console.WriteLine(S(sum));
        decimal interest = 1000m;
        for (int i = 0; i < 30; i++) interest = Math.Round(interest * 1.035m, 2);
        Console.WriteLine(S(interest) + " " + S(Math.Abs(-5.5m)) + " " + S(Math.Max(1.0m, 1.00m)) + " " + Math.Sign(-0.1m));
        Try(() => (decimal)double.Parse("NaN", CultureInfo.InvariantCulture)); Try(() => (decimal)double.Parse("1e30", CultureInfo.InvariantCulture)); Try(() => decimal.Parse("1e5", NumberStyles.Float, CultureInfo.InvariantCulture)); Try(() => decimal.FromOACurrency(12345)); Try(() => decimal.ToOACurrency(1.2345m));
        Console.WriteLine();
    }
}
