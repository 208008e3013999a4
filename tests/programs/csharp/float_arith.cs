using System;

// Results are shown as bits: formatting of floating-point numbers is another matter.
class FloatArith
{
    static void Show(string what, double value)
    {
        // The sign and payload of a NaN that an operation makes are the processor's choice.
        Console.WriteLine(what + " " + (value != value ? "nan" : BitConverter.DoubleToInt64Bits(value).ToString()));
    }

    static float FieldSum(float[] values)
    {
        float sum = 0;
        for (int i = 0; i < values.Length; i++)
            sum += values[i];
        return sum;
    }

    static double Horner(double x, params double[] coefficients)
    {
        double result = 0;
        foreach (double c in coefficients)
            result = result * x + c;
        return result;
    }

    static double Many(double a, float b, int c, double d, long e, float f, double g, double h, double i, double j, double k)
    {
        return a - b * c + d / e - f * g + h - i * j + k;
    }

    static double SquareRoot(double x)
    {
        double guess = x / 2;
        for (int i = 0; i < 40; i++)
            guess = (guess + x / guess) / 2;
        return guess;
    }

    static void Main()
    {
        double[] values = { 0.0, -0.0, 1.0, -1.5, 0.1, 3.25, 1e10, 1e300, -1e-300, double.MaxValue, double.Epsilon, double.PositiveInfinity, double.NaN };
        foreach (double a in values)
            foreach (double b in values)
            {
                Show("+", a + b);
                Show("-", a - b);
                Show("*", a * b);
                Show("/", a / b);
            }
        Show("%", 7.5 % 2.0);
        Show("%", -7.5 % 2.0);
        Show("%", 7.5 % -2.25);
        Show("%", 1e18 % 7.0);
        Show("-x", -values[0]);
        Show("-x", -values[3]);

        float third = 1.0f / 3.0f;
        Show("float", third);
        Show("float", third * 3.0f);
        Show("float", (float)0.1);
        Show("float", (float)1e300);
        Show("float", (float)1e-50);
        Show("sum", FieldSum(new float[] { 0.1f, 0.2f, 0.3f, 1e8f, -1e8f }));
        Show("horner", Horner(1.5, 1, -2, 3, -4.5));
        Show("many", Many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
        Show("root", SquareRoot(2));
        Show("root", SquareRoot(144));

        Show("int", (double)int.MinValue);
        Show("uint", (double)uint.MaxValue);
        Show("long", (double)long.MaxValue);
        Show("ulong", (double)ulong.MaxValue);
        ulong big = 0x8000000000000401;
        Show("ulong", (double)big);
        Show("long", (double)9007199254740993L);
        Show("float", (float)16777217);
        Show("byte", (double)(byte)200);
        Show("char", (double)'A');

        double harmonic = 0;
        for (int i = 1; i <= 1000; i++)
            harmonic += 1.0 / i;
        Show("harmonic", harmonic);
        Show("bits", BitConverter.Int64BitsToDouble(4614253070214989087));
    }
}
