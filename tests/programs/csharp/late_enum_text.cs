using System;

enum Color { Red, Green = 5, Blue }
[Flags] enum Rights { None = 0, Read = 1, Write = 2, Execute = 4 }
enum Small : sbyte { Minus = -1, Plus = 1 }

class LateEnumText
{
    static void Main()
    {
        Console.WriteLine(Color.Red);
        Console.WriteLine(Color.Blue + " " + (Color)99);
        Console.WriteLine((Rights.Read | Rights.Execute) + " " + Rights.None + " " + (Rights)9);
        Console.WriteLine(Small.Minus.ToString() + Small.Plus);
        Console.WriteLine((Color)Enum.Parse(typeof(Color), "Green") == Color.Green);
        Color c;
        Console.WriteLine(Enum.TryParse("Blue", out c) + " " + c + " " + Enum.TryParse("Mauve", out c));
        foreach (string name in Enum.GetNames(typeof(Color))) Console.WriteLine(name);
        foreach (Color value in Enum.GetValues(typeof(Color))) Console.WriteLine((int)value);
        Console.WriteLine(Enum.IsDefined(typeof(Color), 5) + " " + Enum.IsDefined(typeof(Color), 6) + " " + Enum.IsDefined(typeof(Color), 7));
        Console.WriteLine(Enum.GetUnderlyingType(typeof(Small)).Name);
        Console.WriteLine(Color.Green.ToString("D") + " " + Color.Green.ToString("X") + " " + Color.Green.ToString("G"));
        Console.WriteLine(string.Format("{0} {1:D}", Color.Blue, Color.Blue));
    }
}
