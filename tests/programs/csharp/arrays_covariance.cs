using System;
using System.Collections.Generic;

class Animal { public virtual string Name() { return "animal"; } }
class Dog : Animal { public override string Name() { return "dog"; } }
sealed class Puppy : Dog { public override string Name() { return "puppy"; } }
class Cat : Animal { public override string Name() { return "cat"; } }
interface IMark { int Mark { get; } }
class Marked : IMark { public int Mark { get { return 5; } } }

class ArraysCovariance
{
    static string Store(object[] array, int index, object value)
    {
        try { array[index] = value; return "stored"; }
        catch (ArrayTypeMismatchException) { return "mismatch"; }
        catch (IndexOutOfRangeException) { return "range"; }
        catch (NullReferenceException) { return "null"; }
    }

    static string StoreAnimal(Animal[] array, Animal value)
    {
        try { array[0] = value; return array[0] == null ? "null" : array[0].Name(); }
        catch (ArrayTypeMismatchException) { return "mismatch"; }
    }

    static string Address(object[] array)
    {
        try { Take(ref array[0]); return "taken"; }
        catch (ArrayTypeMismatchException) { return "mismatch"; }
    }

    static void Take(ref object slot) { slot = null; }

    static void Main()
    {
        object[] objects = new object[2], strings = new string[2], animals = new Animal[2], dogs = new Dog[2];
        object[] puppies = new Puppy[2], marks = new IMark[2], arrays = new int[2][], jagged = new string[2][];
        object[][] targets = { objects, strings, animals, dogs, puppies, marks, arrays, jagged };
        object[] values = { null, new object(), "text", new Animal(), new Dog(), new Puppy(), new Cat(), new Marked(), new int[1], new string[1], new object[1], 5 };
        foreach (object[] target in targets)
        {
            string line = "";
            foreach (object value in values)
                line += Store(target, 1, value) + " ";
            Console.WriteLine(line);
            Console.WriteLine(Store(target, 2, null) + " " + Store(target, -1, "x") + " " + Store(target, 2, new Cat()));
        }
        Console.WriteLine(Store(null, 0, null));
        Console.WriteLine(StoreAnimal(new Dog[1], new Puppy()));
        Console.WriteLine(StoreAnimal(new Dog[1], new Cat()));
        Console.WriteLine(StoreAnimal(new Dog[1], null));
        Console.WriteLine(Address(objects));
        Console.WriteLine(Address(strings));

        foreach (object[] target in targets)
            Console.WriteLine("" + (target is object[]) + (target is string[]) + (target is Animal[]) + (target is Dog[]) + (target is IMark[]) + (target is Array) + (target is IList<object>) + (target is IEnumerable<Animal>));

        object ints = new int[3], uints = new uint[3], enums = new DayOfWeek[3], bytes = new byte[2];
        Console.WriteLine("" + (ints is int[]) + (ints is uint[]) + (uints is int[]) + (enums is int[]) + (ints is object[]) + (bytes is sbyte[]) + (ints is long[]));
        int[] asInts = (int[])uints;
        asInts[0] = -1;
        Console.WriteLine(((uint[])uints)[0]);
        try { var bad = (Dog[])(object)new Animal[1]; Console.WriteLine(bad.Length); }
        catch (InvalidCastException) { Console.WriteLine("invalid cast"); }
        var good = (Animal[])(object)new Dog[4];
        Console.WriteLine(good.Length);
    }
}
