using System;
using System.Text;

class StringBuilderProgram
{
    static string Caesar(string text, int shift)
    {
        var result = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (c >= 'a' && c <= 'z')
                result.Append((char)('a' + (c - 'a' + shift + 26) % 26));
            else if (c >= 'A' && c <= 'Z')
                result.Append((char)('A' + (c - 'A' + shift + 26) % 26));
            else
                result.Append(c);
        }
        return result.ToString();
    }

    static string ToBase(uint value, uint radix)
    {
        if (value == 0)
            return "0";
        var digits = new StringBuilder();
        for (; value != 0; value /= radix)
            digits.Insert(0, "0123456789abcdefghijklmnopqrstuvwxyz"[(int)(value % radix)]);
        return digits.ToString();
    }

    static void Main()
    {
        var builder = new StringBuilder();
        builder.Append("one").Append(' ').Append(2).Append(' ').Append(3L).Append(' ').Append(true);
        Console.WriteLine(builder.ToString());
        Console.WriteLine(builder.Length);
        builder.Append((string)null).Append("").Append('x', 3);
        Console.WriteLine(builder);
        builder[0] = 'O';
        Console.WriteLine(builder[0]);
        builder.Insert(3, "!!");
        Console.WriteLine(builder.ToString());
        builder.Remove(0, 5);
        Console.WriteLine(builder.ToString());
        builder.Replace('x', 'y');
        builder.Replace("True", "yes");
        Console.WriteLine(builder.ToString());
        builder.Length = 4;
        Console.WriteLine("[" + builder + "]");
        builder.Clear();
        Console.WriteLine(builder.Length);

        for (int i = 0; i < 500; i++)
            builder.Append(i).Append(',');
        string text = builder.ToString();
        Console.WriteLine(text.Length);
        Console.WriteLine(text.Substring(text.Length - 20));
        int hash = 0;
        foreach (char c in text)
            hash = hash * 31 + c;
        Console.WriteLine(hash);
        Console.WriteLine(builder.ToString(10, 15));

        builder.AppendLine();
        builder.AppendLine("end");
        Console.WriteLine(builder.ToString().Length - text.Length);

        Console.WriteLine(Caesar("Hello, World! xyz", 3));
        Console.WriteLine(Caesar(Caesar("Hello, World! xyz", 3), -3));
        Console.WriteLine(ToBase(0, 2));
        Console.WriteLine(ToBase(255, 2));
        Console.WriteLine(ToBase(uint.MaxValue, 16));
        Console.WriteLine(ToBase(1234567890, 36));

        var parts = new StringBuilder("seed", 100);
        parts.Append("abcdef", 2, 3).Append(new char[] { '1', '2', '3' });
        Console.WriteLine(parts.ToString());
        Console.WriteLine(parts.Equals(new StringBuilder("seedcde123")));
    }
}
